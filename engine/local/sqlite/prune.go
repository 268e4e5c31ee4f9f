package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
)

// handful is how many runs one transaction prunes, so that whoever appends
// meanwhile does not wait for long.
const handful = 20

// Prune implements [local.State].
func (s *Store) Prune(ctx context.Context, p local.Pruning) (local.Pruned, error) {
	var all local.Pruned
	for next := (grave{}); ; {
		var some local.Pruned
		var last grave
		err := s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
			var err error
			some, last, err = s.prune(ctx, tx, p, next)
			return err
		})
		if err != nil {
			return all, err
		}
		all.Runs, all.Kept = append(all.Runs, some.Runs...), append(all.Kept, some.Kept...)
		all.Records += some.Records
		if last == (grave{}) {
			return all, errors.Join(s.pruneAlerts(ctx, p.Before), s.pruneChanges(ctx, p.Before), s.pruneChat(ctx, p.Before), s.prunePages(ctx, p.Before), s.pruneNotes(ctx, p.Before))
		}
		next = last
	}
}

// grave is a run that may be pruned; what began first comes first, as the list
// of runs is kept.
type grave struct {
	started int64
	run     string
	seq     int // number of its last record
	last    sum // of that
}

// prune gives up a handful of runs behind one, and returns the last of them;
// the zero grave when there are no more. What it cannot read hurts nobody who
// appends in the same transaction: it looks at all of them before it removes
// the first.
func (s *Store) prune(ctx context.Context, tx *sql.Tx, p local.Pruning, behind grave) (done local.Pruned, last grave, err error) {
	graves, err := find(ctx, tx, p, behind)
	if err != nil {
		return done, last, refused{explain("look for runs in", s.path, err)}
	}
	pins := map[string][]string{}
	for _, g := range graves {
		last = g
		needs, intact, err := look(ctx, tx, g)
		if err != nil {
			return done, last, refused{explain("read run "+g.run+" in", s.path, err)}
		}
		if intact {
			pins[g.run] = needs
		} else {
			done.Kept = append(done.Kept, g.run)
		}
	}
	for _, g := range graves {
		needs, intact := pins[g.run]
		if !intact {
			continue
		}
		if err := s.remove(ctx, tx, p, g, needs); err != nil {
			return done, last, err
		}
		done.Runs, done.Records = append(done.Runs, g.run), done.Records+g.seq
	}
	return done, last, nil
}

// findRuns goes on where the last handful ended: no run is looked at twice.
const findRuns = `SELECT started_at, id, seq, hash FROM runs
	WHERE (started_at, id) > (?, ?) AND started_at < ? AND settled = 1 AND phase = ? AND waiting = '' AND ended_at > 0 AND ended_at < ?
		AND NOT EXISTS (SELECT 1 FROM said WHERE said.run = runs.id)
	ORDER BY started_at, id LIMIT ?`

// find returns runs that have ended, with nothing left to be done: nothing is
// in doubt, nobody is to be told, and nothing was said that nobody has heard.
func find(ctx context.Context, tx *sql.Tx, p local.Pruning, behind grave) ([]grave, error) {
	rows, err := tx.QueryContext(ctx, findRuns, behind.started, behind.run, nanos(p.Before), string(engine.PhaseEnded), nanos(p.Before), handful)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var graves []grave
	for rows.Next() {
		var g grave
		var last []byte
		if err := rows.Scan(&g.started, &g.run, &g.seq, &last); err != nil {
			return nil, err
		}
		g.last = toSum(last)
		graves = append(graves, g)
	}
	return graves, rows.Err()
}

// look reads a run once more: which bytes it needs, and whether its records
// are as they were written. Others are evidence.
func look(ctx context.Context, tx *sql.Tx, g grave) (pins []string, intact bool, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT seq, at, kind, data FROM events WHERE run = ? ORDER BY seq`, g.run)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	of, n, ended := firstOf(g.run), 0, false
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.seq, &r.at, &r.kind, &r.data); err != nil {
			return nil, false, err
		}
		if n++; r.seq != n {
			return nil, false, nil
		}
		of = of.next(g.run, r)
		ended = ended || r.kind == engine.RunEnded{}.Kind()
		if n == 1 {
			first, err := engine.UnmarshalEvent(r.kind, r.data)
			if err != nil {
				return nil, false, nil // it is kept, so that who can read it finds it
			}
			pins = pinned(first)
		}
	}
	return pins, ended && n == g.seq && of == g.last, rows.Err()
}

// remove puts a tombstone in the place of a run, and takes away what only
// that run needed.
func (s *Store) remove(ctx context.Context, tx *sql.Tx, p local.Pruning, g grave, pins []string) error {
	t, err := bury(p, g.seq, g.last)
	if err != nil {
		return err
	}
	for _, step := range []struct {
		q    string
		args []any
	}{
		{`INSERT INTO tombstones (run, seq, at, data, last) VALUES (?, ?, ?, ?, ?)`, []any{g.run, t.seq, t.at, t.data, t.last[:]}},
		{`DELETE FROM events WHERE run = ?`, []any{g.run}},
		{`DELETE FROM runs WHERE id = ?`, []any{g.run}},
	} {
		if _, err := tx.ExecContext(ctx, step.q, step.args...); err != nil {
			return err
		}
	}
	for _, digest := range pins {
		if _, err := tx.ExecContext(ctx, `DELETE FROM refs WHERE run = ? AND blob = (SELECT n FROM blobs WHERE digest = ?)`, g.run, digest); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM blobs WHERE digest = ? AND NOT EXISTS (SELECT 1 FROM refs WHERE blob = n)`, digest); err != nil {
			return err
		}
	}
	s.wrote = append(s.wrote, entry{run: g.run, seq: t.seq, of: t.sum(g.run)})
	return nil
}
