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
	generation, seq, run, event, pin, heard *sql.Stmt
}

func prepare(ctx context.Context, c *sql.Conn) (statements, error) {
	var s statements
	for _, p := range []struct {
		to **sql.Stmt
		q  string
	}{
		{&s.generation, `SELECT generation FROM meta`},
		{&s.seq, `SELECT seq FROM runs WHERE id = ?`},
		{&s.run, `INSERT INTO runs (id, runbook, service, requester_kind, requester, phase, word, waiting, started_at, ended_at, seq, settled, rest)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, word = excluded.word, waiting = excluded.waiting,
				ended_at = excluded.ended_at, seq = excluded.seq, settled = excluded.settled, rest = excluded.rest`},
		{&s.event, `INSERT INTO events (run, seq, at, kind, data) VALUES (?, ?, ?, ?, ?)`},
		{&s.pin, `INSERT INTO blobs (digest, bytes) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING`},
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
	for _, stmt := range []*sql.Stmt{s.generation, s.seq, s.run, s.event, s.pin, s.heard} {
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
		if err := s.expect(ctx, b); err != nil {
			return err
		}
		for _, p := range b.Pins {
			if _, err := s.stmt.pin.ExecContext(ctx, p.Digest, p.Bytes); err != nil {
				return err
			}
		}
		if len(rows) > 0 {
			if err := s.putHead(ctx, b.Run, b.Head, rest); err != nil {
				return err
			}
		}
		for _, r := range rows {
			if _, err := s.stmt.event.ExecContext(ctx, b.Run, r.seq, r.at, r.kind, r.data); err != nil {
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

// expect checks that nobody else has written to the run.
func (s *Store) expect(ctx context.Context, b local.Batch) error {
	var seq int
	err := s.stmt.seq.QueryRowContext(ctx, b.Run).Scan(&seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if seq != b.After {
		return refused{fmt.Errorf("run %s has %d records, not %d: %w", b.Run, seq, b.After, local.ErrSequence)}
	}
	return nil
}

func (s *Store) putHead(ctx context.Context, run string, h local.Head, rest []byte) error {
	_, err := s.stmt.run.ExecContext(ctx, run, h.Runbook, h.Service, h.Requester.Kind, h.Requester.Name,
		string(h.Phase), string(h.Word), strings.Join(h.Waiting, ","), nanos(h.StartedAt), nanos(h.EndedAt), h.Seq, h.Settled, rest)
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
