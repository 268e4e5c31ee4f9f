package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Post is one message in a chat: which part of which run it shows, and how.
type Post struct {
	Run   string
	Key   string // what it is, in the run
	Place string // channel, or person who is told alone
	Ref   string // the message there; empty: it may have been sent
	Shown string // digest of what it shows
	Ping  string // what people were called about last
	At    time.Time
}

// Heard is what somebody did in a chat.
type Heard struct {
	N    int64 // given by the state, in the order in which it came
	Key  string
	At   time.Time
	Data []byte // JSON
}

// SetPost stores a post, durably, in the place of what was stored of it.
func (s *Store) SetPost(ctx context.Context, p Post) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO posts (run, key, place, ref, shown, ping, at) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (run, key, place) DO UPDATE SET ref = excluded.ref, shown = excluded.shown, ping = excluded.ping, at = excluded.at`,
			p.Run, p.Key, p.Place, p.Ref, p.Shown, p.Ping, nanos(p.At))
		return err
	})
}

// DropPost forgets a post, durably.
func (s *Store) DropPost(ctx context.Context, p Post) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM posts WHERE run = ? AND key = ? AND place = ?`, p.Run, p.Key, p.Place)
		return err
	})
}

// Posts returns what is stored of a run.
func (s *Store) Posts(ctx context.Context, run string) (all []Post, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT run, key, place, ref, shown, ping, at FROM posts WHERE run = ?`, run)
	if err != nil {
		return nil, explain("read the posts in", s.path, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var p Post
		var at int64
		if err := rows.Scan(&p.Run, &p.Key, &p.Place, &p.Ref, &p.Shown, &p.Ping, &at); err != nil {
			return nil, explain("read the posts in", s.path, err)
		}
		p.At = moment(at)
		all = append(all, p)
	}
	return all, rows.Err()
}

// Untold returns the runs that began at or after a time, or of which something
// was told, and that have no post with a key, the oldest first.
func (s *Store) Untold(ctx context.Context, since time.Time, key string) (runs []string, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT id FROM runs WHERE (started_at >= ? OR EXISTS (SELECT 1 FROM posts WHERE posts.run = runs.id))
		AND NOT EXISTS (SELECT 1 FROM posts WHERE posts.run = runs.id AND posts.key = ?) ORDER BY started_at, id`, nanos(since), key)
	if err != nil {
		return nil, explain("read the posts in", s.path, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, explain("read the posts in", s.path, err)
		}
		runs = append(runs, id)
	}
	return runs, rows.Err()
}

// Hear stores what somebody did, durably; fresh reports that it came for the
// first time.
func (s *Store) Hear(ctx context.Context, h Heard) (fresh bool, err error) {
	err = s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `INSERT INTO heard (key, at, data, done) VALUES (?, ?, ?, 0) ON CONFLICT (key) DO NOTHING`, h.Key, nanos(h.At), h.Data)
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		fresh = n > 0
		return err
	})
	return fresh, err
}

// Unheeded returns what nothing has been done about, in the order in which it
// came.
func (s *Store) Unheeded(ctx context.Context) (all []Heard, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT n, key, at, data FROM heard WHERE done = 0 ORDER BY n`)
	if err != nil {
		return nil, explain("read what was heard in", s.path, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var h Heard
		var at int64
		if err := rows.Scan(&h.N, &h.Key, &at, &h.Data); err != nil {
			return nil, explain("read what was heard in", s.path, err)
		}
		h.At = moment(at)
		all = append(all, h)
	}
	return all, rows.Err()
}

// Heed stores that something was done about what was heard.
func (s *Store) Heed(ctx context.Context, key string) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE heard SET done = 1 WHERE key = ?`, key)
		return err
	})
}

// pruneChat gives up what was heard before a time and dealt with, and the
// posts of runs that are gone.
func (s *Store) pruneChat(ctx context.Context, before time.Time) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM heard WHERE done = 1 AND at < ?`, nanos(before)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM posts WHERE run <> '' AND run NOT IN (SELECT id FROM runs)`)
		return err
	})
}
