package sqlite

import (
	"context"
	"database/sql"

	"github.com/firebreak-ops/firebreak/engine/local"
)

// Own implements [local.State].
func (s *Store) Own(ctx context.Context, drives bool) (local.Tenure, error) {
	var t local.Tenure
	err := s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var seen int64
		if err := tx.QueryRowContext(ctx, `UPDATE meta SET generation = generation + 1 RETURNING generation, seen_at`).
			Scan(&t.Generation, &seen); err != nil {
			return err
		}
		if down := s.now().Sub(moment(seen)); drives && seen != 0 && down > 0 {
			if _, err := tx.ExecContext(ctx, `INSERT INTO gaps (generation, down) VALUES (?, ?)`, t.Generation, down); err != nil {
				return err
			}
		}
		err := s.settleDown(ctx, tx)
		if err != nil {
			return err
		}
		if t.Gaps, err = readGaps(ctx, tx); err != nil {
			return err
		}
		if t.Orders, err = readOrders(ctx, tx); err != nil {
			return err
		}
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

func readGaps(ctx context.Context, tx *sql.Tx) ([]local.Gap, error) {
	rows, err := tx.QueryContext(ctx, `SELECT generation, down FROM gaps ORDER BY generation`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []local.Gap
	for rows.Next() {
		var g local.Gap
		if err := rows.Scan(&g.Generation, &g.Down); err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, rows.Err()
}

func readOrders(ctx context.Context, tx *sql.Tx) ([]local.Order, error) {
	rows, err := tx.QueryContext(ctx, `SELECT kind, service, stands, said_by, reason, at FROM orders ORDER BY at`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []local.Order
	for rows.Next() {
		var o local.Order
		var at int64
		if err := rows.Scan(&o.Kind, &o.Service, &o.On, &o.By, &o.Reason, &at); err != nil {
			return nil, err
		}
		o.At = moment(at)
		all = append(all, o)
	}
	return all, rows.Err()
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

// SetOrder implements [local.State].
func (s *Store) SetOrder(ctx context.Context, o local.Order) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error { return putOrder(ctx, tx, o) })
}

func putOrder(ctx context.Context, tx *sql.Tx, o local.Order) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO orders (kind, service, stands, said_by, reason, at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (kind, service) DO UPDATE SET stands = excluded.stands, said_by = excluded.said_by, reason = excluded.reason, at = excluded.at`,
		string(o.Kind), o.Service, o.On, o.By, o.Reason, nanos(o.At))
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
