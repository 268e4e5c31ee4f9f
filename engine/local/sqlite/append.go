package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
)

// statements are those that every transaction needs, prepared on the one
// connection that writes.
type statements struct {
	meta, log, last, buried, run, event, link, pin, ref, heard *sql.Stmt
}

func prepare(ctx context.Context, c *sql.Conn) (statements, error) {
	var s statements
	for _, p := range []struct {
		to **sql.Stmt
		q  string
	}{
		{&s.meta, `SELECT generation, links, head FROM meta`},
		{&s.log, `UPDATE meta SET links = ?, head = ?`},
		{&s.last, `SELECT seq, hash FROM runs WHERE id = ?`},
		{&s.buried, `SELECT count(*) FROM tombstones WHERE run = ?`},
		{&s.run, `INSERT INTO runs (id, runbook, service, requester_kind, requester, phase, word, waiting, asks, bar, changed, may, started_at, changed_at, ended_at, seq, hash, settled, rest)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, word = excluded.word, waiting = excluded.waiting, asks = excluded.asks, bar = excluded.bar, changed = excluded.changed,
				may = excluded.may, changed_at = excluded.changed_at, ended_at = excluded.ended_at, seq = excluded.seq, hash = excluded.hash, settled = excluded.settled, rest = excluded.rest`},
		{&s.event, `INSERT INTO events (run, seq, at, kind, data, hash) VALUES (?, ?, ?, ?, ?, ?)`},
		{&s.link, `INSERT INTO links (n, entries) VALUES (?, ?)`},
		{&s.pin, `INSERT INTO blobs (digest, bytes) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING`},
		{&s.ref, `INSERT INTO refs (blob, run) SELECT n, ? FROM blobs WHERE digest = ? ON CONFLICT (blob, run) DO NOTHING`},
		{&s.heard, `DELETE FROM said WHERE n = ?`},
	} {
		var err error
		if *p.to, err = c.PrepareContext(ctx, p.q); err != nil { //nolint:sqlclosecheck // close does
			return s, err
		}
	}
	return s, nil
}

// close gives the statements back. A connection with open ones would not
// really close, and leave its log behind.
func (s statements) close() error {
	var errs []error
	for _, stmt := range []*sql.Stmt{s.meta, s.log, s.last, s.buried, s.run, s.event, s.link, s.pin, s.ref, s.heard} {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	return errors.Join(errs...)
}

// Append implements [local.Journal]. Batches that are given at the same time
// share one transaction; that one of them is refused does not hurt the
// others.
func (s *Store) Append(ctx context.Context, b local.Batch) error {
	write, err := s.appending(b)
	if err != nil {
		return err
	}
	return s.do(ctx, write)
}

// appending is the part of a transaction that stores a batch.
func (s *Store) appending(b local.Batch) (writer, error) {
	rows, err := encode(b)
	if err != nil {
		return nil, err
	}
	rest, err := encodeRest(b.Rest)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx *sql.Tx) error {
		before, err := s.expect(ctx, b)
		if err != nil {
			return err
		}
		for _, p := range b.Pins {
			if _, err := s.stmt.pin.ExecContext(ctx, p.Digest, p.Bytes); err != nil {
				return err
			}
		}
		if len(rows) > 0 {
			if err := s.putRows(ctx, b, rows, rest, before); err != nil {
				return err
			}
		}
		for _, n := range b.Heard {
			if _, err := s.stmt.heard.ExecContext(ctx, n); err != nil {
				return err
			}
		}
		if b.Order != nil {
			return putOrder(ctx, tx, *b.Order)
		}
		return nil
	}, nil
}

// putRows stores records behind the one that has the sum before.
func (s *Store) putRows(ctx context.Context, b local.Batch, rows []row, rest []byte, before sum) error {
	sums := make([]sum, len(rows))
	for i, r := range rows {
		sums[i] = before.next(b.Run, r)
		before = sums[i]
	}
	list := listingOf(b.Run, b.Head, rest)
	if err := s.list(ctx, list, b.Head.Seq, before); err != nil {
		return err
	}
	for _, digest := range pinned(b.Records[0].Event) {
		if _, err := s.stmt.ref.ExecContext(ctx, b.Run, digest); err != nil {
			return err
		}
	}
	for i, r := range rows {
		if _, err := s.stmt.event.ExecContext(ctx, b.Run, r.seq, r.at, r.kind, r.data, sums[i][:]); err != nil {
			return err
		}
	}
	s.wrote = append(s.wrote, entry{b.Run, rows[len(rows)-1].seq, before, list.digest()})
	return nil
}

// pinned names the bytes that a run needs which begins with an event.
func pinned(first engine.Event) []string {
	if e, ok := first.(engine.RunStarted); ok {
		return []string{e.Facts.Pins.Runbook, e.Facts.Pins.Config}
	}
	return nil
}

// row is a record as it is stored.
type row struct {
	seq  int
	at   int64
	kind string
	data []byte
}

// encode is done by whoever appends, not by the one who writes.
func encode(b local.Batch) ([]row, error) {
	rows := make([]row, 0, len(b.Records))
	for i, rec := range b.Records {
		if rec.Seq != b.After+1+i {
			return nil, fmt.Errorf("record %d of run %s follows record %d: %w", rec.Seq, b.Run, b.After+i, local.ErrSequence)
		}
		kind, data, err := engine.MarshalEvent(rec.Event)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{rec.Seq, rec.At.UnixNano(), kind, data})
	}
	return rows, nil
}

// encodeRest returns nil, which is stored as NULL, where there is none.
func encodeRest(r *local.Rest) ([]byte, error) {
	if r == nil {
		return nil, nil
	}
	return json.Marshal(r)
}

// expect checks that nobody else has written to the run, and returns what
// its next record follows.
func (s *Store) expect(ctx context.Context, b local.Batch) (sum, error) {
	var seq int
	var last []byte
	err := s.stmt.last.QueryRowContext(ctx, b.Run).Scan(&seq, &last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return sum{}, err
	}
	if seq == 0 {
		var buried bool
		if err := s.stmt.buried.QueryRowContext(ctx, b.Run).Scan(&buried); err != nil {
			return sum{}, err
		}
		if buried {
			return sum{}, refused{fmt.Errorf("run %s: %w: %w", b.Run, local.ErrPruned, local.ErrSequence)}
		}
	}
	if seq != b.After {
		return sum{}, refused{fmt.Errorf("run %s has %d records, not %d: %w", b.Run, seq, b.After, local.ErrSequence)}
	}
	if seq == 0 {
		return firstOf(b.Run), nil
	}
	return toSum(last), nil
}

// listing is how a run stands in the list of runs, as it is stored.
type listing struct {
	id, runbook, service, requesterKind, requester, phase, word, waiting, bar string

	asks, changed, may, started, began, ended, settled int64
	rest                                               []byte
}

func listingOf(run string, h engine.Head, rest []byte) listing {
	l := listing{
		id: run, runbook: h.Runbook, service: h.Service, requesterKind: h.Requester.Kind, requester: h.Requester.Name,
		phase: string(h.Phase), word: string(h.Word), waiting: strings.Join(h.Waiting, ","), asks: int64(h.Asks), bar: h.Bar, changed: int64(h.Changed), may: int64(h.May),
		started: nanos(h.StartedAt), began: nanos(h.ChangedAt), ended: nanos(h.EndedAt), rest: rest,
	}
	if h.Settled {
		l.settled = 1
	}
	return l
}

func (s *Store) list(ctx context.Context, l listing, seq int, last sum) error {
	_, err := s.stmt.run.ExecContext(ctx, l.id, l.runbook, l.service, l.requesterKind, l.requester, l.phase, l.word, l.waiting, l.asks, l.bar, l.changed, l.may,
		l.started, l.began, l.ended, seq, last[:], l.settled, l.rest)
	return err
}

// nanos is how a time is stored; 0 is the zero time.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func moment(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
