package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Change is one that others have made to a service, and reported. Its words
// are those of whoever reports it.
type Change struct {
	N        int64 // given by the state
	Reporter string
	ID       string // of the reporter's
	Service  string
	At       time.Time
	Kind     string
	Title    string
	Author   string
	Before   string
	After    string
	URL      string
	HeardAt  time.Time
}

// ChangeFilter chooses among changes. The zero one chooses all of them.
type ChangeFilter struct {
	Service string    // empty: of any service
	Since   time.Time // made at this time or later
	Limit   int       // 0: no limit
	After   int64     // only those that come after the one of this number; 0: all
}

// KeepChange stores a change and returns when that is durable. What the same
// reporter has reported under the same id is replaced.
func (s *Store) KeepChange(ctx context.Context, c Change) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO changes (reporter, id, service, at, kind, title, author, before, after, url, heard_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (reporter, id) DO UPDATE SET service = excluded.service, at = excluded.at, kind = excluded.kind, title = excluded.title,
				author = excluded.author, before = excluded.before, after = excluded.after, url = excluded.url, heard_at = excluded.heard_at`,
			c.Reporter, c.ID, c.Service, nanos(c.At), c.Kind, c.Title, c.Author, c.Before, c.After, c.URL, nanos(c.HeardAt))
		return err
	})
}

// Changes lists changes, the one that was made last first.
func (s *Store) Changes(ctx context.Context, f ChangeFilter) ([]Change, error) {
	return readChanges(ctx, s.read, s.path, f)
}

// Changes lists changes, the one that was made last first.
func (r *Reader) Changes(ctx context.Context, f ChangeFilter) ([]Change, error) {
	return readChanges(ctx, r.db, r.path, f)
}

func readChanges(ctx context.Context, db *sql.DB, path string, f ChangeFilter) (all []Change, err error) {
	if f.After > 0 {
		if err := there(ctx, db, `SELECT 1 FROM changes WHERE n = ?`, "change", f.After); err != nil {
			return nil, explain("read the changes in", path, err)
		}
	}
	rows, err := db.QueryContext(ctx, `SELECT n, reporter, id, service, at, kind, title, author, before, after, url, heard_at FROM changes
		WHERE (?1 = '' OR service = ?1) AND at >= ?2 AND (?3 = 0 OR (at, n) < (SELECT at, n FROM changes WHERE n = ?3))
		ORDER BY at DESC, n DESC LIMIT ?4`, f.Service, nanos(f.Since), f.After, limited(f.Limit))
	if err != nil {
		return nil, explain("read the changes in", path, err)
	}
	defer func() { err = explain("read the changes in", path, errors.Join(err, rows.Close())) }()
	for rows.Next() {
		var c Change
		var at, heard int64
		if err := rows.Scan(&c.N, &c.Reporter, &c.ID, &c.Service, &at, &c.Kind, &c.Title, &c.Author, &c.Before, &c.After, &c.URL, &heard); err != nil {
			return nil, err
		}
		c.At, c.HeardAt = moment(at), moment(heard)
		all = append(all, c)
	}
	return all, rows.Err()
}

// pruneChanges gives up changes that were made before a time.
func (s *Store) pruneChanges(ctx context.Context, before time.Time) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM changes WHERE at < ?`, nanos(before))
		return err
	})
}
