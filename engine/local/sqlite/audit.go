package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
)

// Audit is what verifying a state file has found.
type Audit struct {
	Head     string // of the log, as its links make it
	Links    int64
	Runs     int // that were verified
	Pruned   int // of them
	Records  int
	Problems []Problem
}

// Problem is one thing that is not as it was written.
type Problem struct {
	Run  string // empty: it is about the file, or its log
	Seq  int    // 0: it is about the run
	What string // one of the constants below
	Text string // a sentence for people
}

// What a [Problem] may be.
const (
	Changed  = "changed"  // a row is not what was written
	Missing  = "missing"  // a row, the end of a run or a whole run is gone
	Inserted = "inserted" // there is more than was written
	OtherLog = "log"      // the log is not what was written
	OtherTip = "head"     // the log never had the head that was noted
	Damaged  = "damaged"  // the file is not a sound database
)

// Head returns the head of the log: what is noted elsewhere, to be shown to
// [Reader.Verify] later. links says how many transactions it stands for.
func (r *Reader) Head(ctx context.Context) (head string, links int64, err error) {
	var b []byte
	if err := r.db.QueryRowContext(ctx, `SELECT links, head FROM meta`).Scan(&links, &b); err != nil {
		return "", 0, explain("read", r.path, err)
	}
	return toSum(b).String(), links, nil
}

// Verify looks whether everything is as it was written: the log and every
// run, or, when a run is named, the log and that run. noted is a head that the
// log must have had, or empty. What it finds is no error; an error says that
// it could not look everywhere, and the Audit then holds what was found until
// there.
func (r *Reader) Verify(ctx context.Context, run, noted string) (Audit, error) {
	v := &verifier{run: run, noted: noted, runs: map[string]*logged{}}
	err := v.verify(ctx, r.db)
	if err != nil {
		err = explain("verify", r.path, err)
	}
	return v.Audit, err
}

// verifier is one look at a state file.
type verifier struct {
	Audit
	run   string // empty: all of them
	noted string

	tx   *sql.Tx
	runs map[string]*logged
}

// logged is what the log says of a run.
type logged struct {
	last, before entry   // what it says last, and before that
	other        []entry // where a record is not what it says
}

func (v *verifier) verify(ctx context.Context, db *sql.DB) error {
	var err error
	if v.tx, err = db.BeginTx(ctx, nil); err != nil { // one moment of the file, whoever writes to it
		return err
	}
	defer func() { _ = v.tx.Rollback() }() // it has only read
	if err := v.sound(ctx); err != nil {
		return err
	}
	if err := v.log(ctx); err != nil {
		return err
	}
	if v.run != "" {
		if v.runs[v.run] == nil {
			return local.NewError(local.ClassNotFound, "the log has no run "+v.run, "`firebreak runs list` lists them", nil)
		}
		return v.verifyRun(ctx, v.run)
	}
	acts := v.runs[ofActs]
	delete(v.runs, ofActs)
	if err := v.verifyActs(ctx, acts); err != nil {
		return err
	}
	for _, run := range slices.Sorted(maps.Keys(v.runs)) {
		if err := v.verifyRun(ctx, run); err != nil {
			return err
		}
	}
	if err := v.strangers(ctx); err != nil {
		return err
	}
	if err := v.pins(ctx); err != nil {
		return err
	}
	return v.blobs(ctx)
}

func (v *verifier) foundf(what, run string, seq int, format string, args ...any) {
	v.Problems = append(v.Problems, Problem{Run: run, Seq: seq, What: what, Text: fmt.Sprintf(format, args...)})
}

// query calls each for every row.
func (v *verifier) query(ctx context.Context, each func(*sql.Rows) error, q string, args ...any) error {
	rows, err := v.tx.QueryContext(ctx, q, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// sound looks whether the file is a sound database at all.
func (v *verifier) sound(ctx context.Context) error {
	return v.query(ctx, func(rows *sql.Rows) error {
		var text string
		err := rows.Scan(&text)
		if err == nil && text != "ok" {
			v.foundf(Damaged, "", 0, "the file is damaged: %s", text)
		}
		return err
	}, `PRAGMA integrity_check(10)`)
}

// log makes the heads of the log anew and notes what it says of every run.
func (v *verifier) log(ctx context.Context) error {
	record, err := v.tx.PrepareContext(ctx, `SELECT hash FROM events WHERE run = ? AND seq = ?`)
	if err != nil {
		return err
	}
	defer record.Close()
	head := firstHead()
	noted := v.noted == "" || v.noted == head.String()
	err = v.query(ctx, func(rows *sql.Rows) error {
		var n int64
		var link []byte
		if err := rows.Scan(&n, &link); err != nil {
			return err
		}
		if n != v.Links+1 {
			v.foundf(OtherLog, "", 0, "link %d of the log follows link %d", n, v.Links)
		}
		head, v.Links = head.head(n, link), n
		noted = noted || v.noted == head.String()
		entries, ok := unpack(link)
		if !ok {
			v.foundf(OtherLog, "", 0, "link %d of the log cannot be read", n)
		}
		for _, e := range entries {
			if v.run != "" && v.run != e.run {
				continue
			}
			if err := v.note(ctx, record, e); err != nil {
				return err
			}
		}
		return nil
	}, `SELECT n, entries FROM links ORDER BY n`)
	if err != nil {
		return err
	}
	v.Head = head.String()
	var links int64
	var stored []byte
	if err := v.tx.QueryRowContext(ctx, `SELECT links, head FROM meta`).Scan(&links, &stored); err != nil {
		return err
	}
	if links != v.Links || toSum(stored) != head {
		v.foundf(OtherLog, "", 0, "the log has %d links and the head %s; written were %d and %s", v.Links, head, links, toSum(stored))
	}
	if !noted {
		v.foundf(OtherTip, "", 0, "the log never had the head %s: it was made anew, or this is another state, or an older one", v.noted)
	}
	return nil
}

// note keeps what the log says last of a run, and whether the record it speaks
// of is another one. A record that is not there shows later.
func (v *verifier) note(ctx context.Context, record *sql.Stmt, e entry) error {
	l := v.runs[e.run]
	if l == nil {
		l = &logged{}
		v.runs[e.run] = l
	}
	l.before, l.last = l.last, e
	var stored []byte
	err := record.QueryRowContext(ctx, e.run, e.seq).Scan(&stored)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("run %s after record %d: %w", e.run, e.seq-1, err)
	case toSum(stored) != e.of:
		l.other = append(l.other, e)
	}
	return nil
}

// verifyRun looks whether a run's records are those that were written.
func (v *verifier) verifyRun(ctx context.Context, run string) error {
	v.Runs++
	last := v.runs[run].last
	t, err := readTombstone(ctx, v.tx, run)
	if !errors.Is(err, sql.ErrNoRows) {
		if err == nil {
			err = v.verifyPruned(ctx, run, t)
		}
		return err
	}
	c := chain{v: v, run: run, other: v.runs[run].other, last: last, prev: firstOf(run), known: true}
	err = v.query(ctx, func(rows *sql.Rows) error {
		var r row
		var stored []byte
		if err := rows.Scan(&r.seq, &r.at, &r.kind, &r.data, &stored); err != nil {
			return err
		}
		c.record(r, toSum(stored))
		return nil
	}, `SELECT seq, at, kind, data, hash FROM events WHERE run = ? ORDER BY seq`, run)
	if err != nil {
		return fmt.Errorf("run %s after record %d: %w", run, c.seq, err)
	}
	switch {
	case c.seq == 0:
		v.foundf(Missing, run, 0, "run %s is gone: the log says that it had %d records", run, last.seq)
		return nil
	case c.seq < last.seq:
		v.foundf(Missing, run, c.seq+1, "run %s ends with record %d; the log says that it had %d", run, c.seq, last.seq)
	}
	return v.listed(ctx, run, c.ended, last)
}

// verifyPruned looks whether a run's tombstone is the one that was put there,
// and the only thing that is left.
func (v *verifier) verifyPruned(ctx context.Context, run string, t tombstone) error {
	v.Pruned++
	said := v.runs[run]
	if said.last.seq != t.seq || said.last.of != t.sum(run) {
		v.foundf(Changed, run, t.seq, "the tombstone of run %s is not what was written", run)
	} else if said.before.seq > 0 && (said.before.seq != t.seq-1 || said.before.of != t.last) {
		v.foundf(Changed, run, t.seq, "the tombstone of run %s is not that of the records that the log says it had", run)
	}
	var left int
	if err := v.tx.QueryRowContext(ctx, `SELECT count(*) FROM events WHERE run = ?`, run).Scan(&left); err != nil {
		return err
	}
	if left > 0 {
		v.foundf(Inserted, run, 0, "run %s was pruned, and has %d records", run, left)
	}
	return nil
}

// listed looks whether the list of runs says the same.
func (v *verifier) listed(ctx context.Context, run string, ended bool, last entry) error {
	var seq int
	var of []byte
	l := listing{id: run}
	err := v.tx.QueryRowContext(ctx, `SELECT runbook, service, requester_kind, requester, phase, word, waiting, asks, bar, changed, may, started_at, changed_at, ended_at, seq, hash, settled, rest
		FROM runs WHERE id = ?`, run).Scan(&l.runbook, &l.service, &l.requesterKind, &l.requester, &l.phase, &l.word, &l.waiting, &l.asks, &l.bar, &l.changed, &l.may,
		&l.started, &l.began, &l.ended, &seq, &of, &l.settled, &l.rest)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		v.foundf(Missing, run, 0, "run %s is gone from the list of runs", run)
		return nil
	case err != nil:
		return err
	case seq != last.seq || toSum(of) != last.of:
		v.foundf(Changed, run, 0, "the list of runs says something else about the last record of run %s than the log", run)
	case l.settled != 0 && !ended:
		v.foundf(Changed, run, 0, "the list of runs says that run %s has ended, and its records do not", run)
	case l.digest() != last.listed:
		v.foundf(Changed, run, 0, "the list of runs says of run %s what was not written", run)
	}
	return nil
}

// chain follows the records of one run.
type chain struct {
	v     *verifier
	run   string
	other []entry // where the log says something else, that are not behind yet
	last  entry
	prev  sum // of the record before
	known bool
	seq   int // of the record before
	ended bool
}

func (c *chain) record(r row, stored sum) {
	c.v.Records++
	c.ended = c.ended || r.kind == engine.RunEnded{}.Kind()
	switch {
	case r.seq < 1:
		c.v.foundf(Inserted, c.run, r.seq, "run %s has a record %d, which nobody wrote", c.run, r.seq)
		return
	case r.seq > c.last.seq:
		if c.seq <= c.last.seq {
			c.v.foundf(Inserted, c.run, r.seq, "run %s has a record %d; the log says that it has %d", c.run, r.seq, c.last.seq)
		}
	case r.seq > c.seq+1:
		c.v.foundf(Missing, c.run, c.seq+1, "record %d of run %s is missing%s", c.seq+1, c.run, upTo(c.seq+1, r.seq-1))
		c.known = false
	}
	for len(c.other) > 0 && c.other[0].seq < r.seq {
		c.other = c.other[1:]
	}
	switch {
	case c.known && c.prev.next(c.run, r) != stored:
		c.v.foundf(Changed, c.run, r.seq, "record %d of run %s was changed, or the one before", r.seq, c.run)
	case len(c.other) > 0 && c.other[0].seq == r.seq:
		c.v.foundf(Changed, c.run, r.seq, "record %d of run %s, or one before, is not what the log says", r.seq, c.run)
	}
	c.prev, c.known, c.seq = stored, true, r.seq
}

func upTo(first, last int) string {
	if first == last {
		return ""
	}
	return fmt.Sprintf(", and all up to %d", last)
}

// strangers looks for runs that the log does not know.
func (v *verifier) strangers(ctx context.Context) error {
	return v.query(ctx, func(rows *sql.Rows) error {
		var run string
		err := rows.Scan(&run)
		if err == nil && v.runs[run] == nil {
			v.foundf(Inserted, run, 0, "the log does not know run %s", run)
		}
		return err
	}, `SELECT run FROM events GROUP BY run UNION SELECT id FROM runs UNION SELECT run FROM tombstones ORDER BY 1`)
}

// blobs looks whether what runs refer to is what its name says.
func (v *verifier) blobs(ctx context.Context) error {
	return v.query(ctx, func(rows *sql.Rows) error {
		var name string
		var b []byte
		err := rows.Scan(&name, &b)
		if err == nil && name != local.Digest(b) {
			v.foundf(Changed, "", 0, "the bytes that are kept as %s are others", name)
		}
		return err
	}, `SELECT digest, bytes FROM blobs ORDER BY digest`)
}

// pins looks whether what runs refer to is there.
func (v *verifier) pins(ctx context.Context) error {
	return v.query(ctx, func(rows *sql.Rows) error {
		var run, name string
		err := rows.Scan(&run, &name)
		if err == nil {
			v.foundf(Missing, run, 1, "run %s refers to %s, which is not kept", run, name)
		}
		return err
	}, `SELECT run, name FROM (
			SELECT run, json_extract(CAST(data AS TEXT), '$.facts.pins.runbook') AS name FROM events WHERE seq = 1 AND kind = 'run_started' AND json_valid(CAST(data AS TEXT))
			UNION ALL
			SELECT run, json_extract(CAST(data AS TEXT), '$.facts.pins.config') FROM events WHERE seq = 1 AND kind = 'run_started' AND json_valid(CAST(data AS TEXT))
		) WHERE name <> '' AND name NOT IN (SELECT digest FROM blobs) ORDER BY 1, 2`)
}
