package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Note is what is to be written on the incident that an alert came from. It is
// an outbox, as that of [Page] is.
type Note struct {
	N        int64  // given by the state
	Key      string // the same one is written once
	Source   string
	Incident string
	Text     string
	At       time.Time
	ClosedAt time.Time // zero: it is still to be written
	Tries    int
	NextAt   time.Time // not before
	Error    string    // of the last try
}

// PutNotes stores notes, those that are new by their key, and returns when they
// are durable.
func (s *Store) PutNotes(ctx context.Context, all []Note) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, n := range all {
			if _, err := tx.ExecContext(ctx, `INSERT INTO notes (key, source, incident, text, at, closed_at, tries, next_at, error)
				VALUES (?, ?, ?, ?, ?, 0, 0, 0, '') ON CONFLICT (key) DO NOTHING`, n.Key, n.Source, n.Incident, n.Text, nanos(n.At)); err != nil {
				return err
			}
		}
		return nil
	})
}

// SettleNote stores how far a note has come, durably.
func (s *Store) SettleNote(ctx context.Context, n Note) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE notes SET closed_at = ?, tries = ?, next_at = ?, error = ? WHERE n = ?`,
			nanos(n.ClosedAt), n.Tries, nanos(n.NextAt), n.Error, n.N)
		return err
	})
}

// LiveNotes returns the notes that are still to be written, the oldest first.
func (s *Store) LiveNotes(ctx context.Context) (all []Note, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT n, key, source, incident, text, at, tries, next_at, error FROM notes WHERE closed_at = 0 ORDER BY n`)
	if err != nil {
		return nil, explain("read the notes in", s.path, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var n Note
		var at, next int64
		if err := rows.Scan(&n.N, &n.Key, &n.Source, &n.Incident, &n.Text, &at, &n.Tries, &next, &n.Error); err != nil {
			return nil, explain("read the notes in", s.path, err)
		}
		n.At, n.NextAt = moment(at), moment(next)
		all = append(all, n)
	}
	return all, explain("read the notes in", s.path, rows.Err())
}

// AlertsOf returns the alerts that a run began for, or that are part of it.
func (s *Store) AlertsOf(ctx context.Context, run string) ([]Alert, error) {
	all, err := readAlerts(ctx, s.read, alertColumns+`WHERE run = ? ORDER BY n`, run)
	return all, explain("read the alerts in", s.path, err)
}

// pruneNotes gives up what was written before a time.
func (s *Store) pruneNotes(ctx context.Context, before time.Time) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM notes WHERE closed_at <> 0 AND closed_at < ?`, nanos(before))
		return err
	})
}
