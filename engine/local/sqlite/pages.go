package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Page is that somebody is to be woken, and later told that it is over. It is
// an outbox: what is in it is durable before anybody is called. Three times
// say how far it has come: SentAt, OverAt and ClosedAt.
type Page struct {
	N        int64  // given by the state
	Key      string // one trouble has one key
	Run      string // that it is about; empty: none
	Alert    int64  // number of the alert that it is about; 0: none
	Role     string // who is woken
	Text     string
	Link     string // empty: none
	OpenedAt time.Time
	OverAt   time.Time // zero: the trouble goes on
	SentAt   time.Time // zero: nobody has been woken
	ClosedAt time.Time // zero: it goes on, or is still to be taken back
	Tries    int       // since the last that was taken
	NextAt   time.Time // not before
	Error    string    // of the last try
}

// PutPage stores a page and returns when it is durable. One whose trouble goes
// on stays as it is; one that was over begins anew.
func (s *Store) PutPage(ctx context.Context, p Page) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO pages (key, run, alert, role, text, link, opened_at, over_at, sent_at, closed_at, tries, next_at, error)
			VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, '')
			ON CONFLICT (key) DO UPDATE SET run = excluded.run, alert = excluded.alert, role = excluded.role, text = excluded.text, link = excluded.link,
				opened_at = excluded.opened_at, over_at = 0, sent_at = 0, closed_at = 0, tries = 0, next_at = 0, error = '' WHERE over_at <> 0`,
			p.Key, p.Run, p.Alert, p.Role, p.Text, p.Link, nanos(p.OpenedAt))
		return err
	})
}

// SettlePage stores how far a page has come, durably.
func (s *Store) SettlePage(ctx context.Context, p Page) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE pages SET over_at = ?, sent_at = ?, closed_at = ?, tries = ?, next_at = ?, error = ? WHERE n = ? AND opened_at = ?`,
			nanos(p.OverAt), nanos(p.SentAt), nanos(p.ClosedAt), p.Tries, nanos(p.NextAt), p.Error, p.N, nanos(p.OpenedAt))
		return err
	})
}

const pageColumns = `SELECT n, key, run, alert, role, text, link, opened_at, over_at, sent_at, closed_at, tries, next_at, error FROM pages `

// LivePages returns the pages that are not closed, the oldest first.
func (s *Store) LivePages(ctx context.Context) ([]Page, error) {
	all, err := readPages(ctx, s.read, pageColumns+`WHERE closed_at = 0 ORDER BY n`)
	return all, explain("read the pages in", s.path, err)
}

// Pages lists pages, the last one first; 0: no limit.
func (r *Reader) Pages(ctx context.Context, limit int) ([]Page, error) {
	if limit == 0 {
		limit = -1
	}
	all, err := readPages(ctx, r.db, pageColumns+`ORDER BY opened_at DESC, n DESC LIMIT ?`, limit)
	return all, explain("read the pages in", r.path, err)
}

func readPages(ctx context.Context, db *sql.DB, query string, args ...any) (all []Page, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var p Page
		var opened, over, sent, closed, next int64
		if err := rows.Scan(&p.N, &p.Key, &p.Run, &p.Alert, &p.Role, &p.Text, &p.Link, &opened, &over, &sent, &closed, &p.Tries, &next, &p.Error); err != nil {
			return nil, err
		}
		p.OpenedAt, p.OverAt, p.SentAt, p.ClosedAt, p.NextAt = moment(opened), moment(over), moment(sent), moment(closed), moment(next)
		all = append(all, p)
	}
	return all, rows.Err()
}

// AlertOf returns an alert by its number; a zero N says that there is none.
func (s *Store) AlertOf(ctx context.Context, n int64) (Alert, error) {
	all, err := readAlerts(ctx, s.read, alertColumns+`WHERE n = ?`, n)
	if err != nil || len(all) == 0 {
		return Alert{}, explain("read the alerts in", s.path, err)
	}
	return all[0], nil
}

// OpenAlerts counts the alerts of a run: all of them, and those that go on.
func (s *Store) OpenAlerts(ctx context.Context, run string) (all, open int, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE resolved_at = 0) FROM alerts WHERE run = ?`, run).Scan(&all, &open)
	return all, open, explain("read the alerts in", s.path, err)
}

// LastFrom is when something came from a source last; zero: never.
func (s *Store) LastFrom(ctx context.Context, source string) (time.Time, error) {
	var at int64
	err := s.read.QueryRowContext(ctx, `SELECT coalesce(max(last_at), 0) FROM alerts WHERE source = ?`, source).Scan(&at)
	return moment(at), explain("read the alerts in", s.path, err)
}

// prunePages gives up what ended before a time.
func (s *Store) prunePages(ctx context.Context, before time.Time) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM pages WHERE closed_at <> 0 AND closed_at < ?`, nanos(before))
		return err
	})
}
