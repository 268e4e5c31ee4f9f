package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/firebreak-ops/firebreak/engine/local"
)

// everything is the scope of the only halt there is.
const everything = "everything"

// Own implements [local.State].
func (s *Store) Own(ctx context.Context, drives bool) (local.Tenure, error) {
	var t local.Tenure
	err := s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var seen int64
		if err := tx.QueryRowContext(ctx, `UPDATE meta SET generation = generation + 1 RETURNING generation, seen_at`).
			Scan(&t.Generation, &seen); err != nil {
			return err
		}
		t.LastSeen = moment(seen)
		if err := readHalt(ctx, tx, &t.Halt); err != nil {
			return err
		}
		var err error
		if t.Said, err = readSaid(ctx, tx); err != nil || !drives {
			return err
		}
		return s.writeBeat(ctx, tx)
	})
	if err != nil {
		return local.Tenure{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation, s.drives = t.Generation, drives
	return t, nil
}

func readHalt(ctx context.Context, tx *sql.Tx, h *local.Halt) error {
	var at int64
	err := tx.QueryRowContext(ctx, `SELECT halted, said_by, reason, at FROM halts WHERE scope = ?`, everything).
		Scan(&h.On, &h.By, &h.Reason, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	h.At = moment(at)
	return err
}

func readSaid(ctx context.Context, tx *sql.Tx) ([]local.Said, error) {
	rows, err := tx.QueryContext(ctx, `SELECT n, run, at, kind, data FROM said ORDER BY n`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []local.Said
	for rows.Next() {
		var s local.Said
		var at int64
		if err := rows.Scan(&s.N, &s.Run, &at, &s.Kind, &s.Data); err != nil {
			return nil, err
		}
		s.At = moment(at)
		all = append(all, s)
	}
	return all, rows.Err()
}

// SetHalt implements [local.State].
func (s *Store) SetHalt(ctx context.Context, h local.Halt) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error { return putHalt(ctx, tx, h) })
}

func putHalt(ctx context.Context, tx *sql.Tx, h local.Halt) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO halts (scope, halted, said_by, reason, at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (scope) DO UPDATE SET halted = excluded.halted, said_by = excluded.said_by, reason = excluded.reason, at = excluded.at`,
		everything, h.On, h.By, h.Reason, nanos(h.At))
	return err
}

// Say implements [local.State].
func (s *Store) Say(ctx context.Context, said local.Said) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO said (run, at, kind, data) VALUES (?, ?, ?, ?)`,
			said.Run, nanos(said.At), said.Kind, said.Data)
		return err
	})
}

func (s *Store) driving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drives
}

// beat leaves word that runs are driven now.
func (s *Store) beat(ctx context.Context) error { return s.do(ctx, s.writeBeat) }

func (s *Store) writeBeat(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `UPDATE meta SET seen_at = ?`, s.now().UnixNano())
	return err
}
