package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Alert is an alert that a source has sent, and what became of it. What its
// words mean is the business of whoever stores it; here only these count: an
// empty Outcome is one that nobody has decided yet; see [AlertStarted], too.
type Alert struct {
	N          int64 // given by the state, in the order in which alerts came first
	Key        string
	Source     string
	Identity   string
	StartsAt   time.Time // zero: it is not known
	Data       []byte    // JSON
	Firing     bool      // of a delivery; of one that is stored: it is not resolved
	ReceivedAt time.Time // first
	LastAt     time.Time
	Times      int // how often it came
	ResolvedAt time.Time
	DecidedAt  time.Time
	Outcome    string
	Run        string
	Cause      string
	Text       string
	Told       bool      // that it is resolved has been dealt with
	Tries      int       // to begin its run, that failed
	NextAt     time.Time // when it is tried again
}

// The outcomes of alerts that count here.
const (
	AlertStarted  = "started"  // a run has begun for it
	AlertRetrying = "retrying" // it waits to be tried again
)

// Delivery is what one request has brought. Each of its ids is its own for ever.
type Delivery struct {
	Source string
	IDs    []string // none: it is not known from others
	At     time.Time
}

// DeliveriesKept is for how long the ids of deliveries are known.
const DeliveriesKept = 30 * 24 * time.Hour

// Cause is the last run that an alert of a cause has begun, and what is known
// of its alerts.
type Cause struct {
	Run        string // empty: there is none
	Open       int    // how many of its alerts are not resolved
	ResolvedAt time.Time
}

// Alerting counts the services of alerts that go on and came after a time, by
// their label service.
func (s *Store) Alerting(ctx context.Context, since time.Time) (services int, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT count(DISTINCT json_extract(data, '$.labels.service')) FROM alerts
		WHERE resolved_at = 0 AND last_at >= ?`, nanos(since)).Scan(&services)
	if err != nil {
		return 0, explain("count the services that alert in", s.path, err)
	}
	return services, nil
}

// KeepAlerts stores what a delivery has brought, all of it or nothing, and
// returns when it is durable. An alert that has come before is counted, and
// waits to be decided again if it goes on and no run is its own. One with an
// outcome is stored as decided. A delivery that was stored before is left alone:
// again is true.
func (s *Store) KeepAlerts(ctx context.Context, d Delivery, all []Alert) (again bool, err error) {
	err = s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if again, err = keepDelivery(ctx, tx, d); again || err != nil {
			return err
		}
		for i := range all {
			keep := keepAlert
			if !all[i].Firing && all[i].Outcome == "" {
				keep = resolveAlert
			}
			if err := keep(ctx, tx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return again, err
}

// keepDelivery notes the ids of a delivery. It reports whether any was known.
func keepDelivery(ctx context.Context, tx *sql.Tx, d Delivery) (known bool, err error) {
	if len(d.IDs) == 0 {
		return false, nil
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM deliveries WHERE at < ?`, nanos(d.At.Add(-DeliveriesKept))); err != nil {
		return false, err
	}
	for _, id := range d.IDs {
		done, err := tx.ExecContext(ctx, `INSERT INTO deliveries (source, id, at) VALUES (?, ?, ?) ON CONFLICT (source, id) DO NOTHING`, d.Source, id, nanos(d.At))
		if err != nil {
			return false, err
		}
		n, err := done.RowsAffected()
		if err != nil {
			return false, err
		}
		known = known || n == 0
	}
	return known, nil
}

func keepAlert(ctx context.Context, tx *sql.Tx, a *Alert) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO alerts (key, source, identity, starts_at, data, received_at, last_at, times, resolved_at, decided_at, outcome, run, cause, text, told, tries, next_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, '', '', ?, 0, 0, 0)
		ON CONFLICT (key) DO UPDATE SET last_at = excluded.last_at, times = times + 1,
			outcome = CASE WHEN run = '' AND resolved_at = 0 AND excluded.outcome = '' THEN '' ELSE outcome END`,
		a.Key, a.Source, a.Identity, nanos(a.StartsAt), a.Data, nanos(a.ReceivedAt), nanos(a.ReceivedAt), nanos(a.ResolvedAt), nanos(a.DecidedAt), a.Outcome, a.Text)
	return err
}

// resolveAlert ends what goes on of the same identity and began no later. Of a
// source that does not say when an alert began, the next one of that identity
// is another one.
func resolveAlert(ctx context.Context, tx *sql.Tx, a *Alert) error {
	done, err := tx.ExecContext(ctx, `UPDATE alerts SET last_at = ?1, times = times + 1, resolved_at = ?1, told = 0,
			key = CASE WHEN starts_at = 0 THEN key || ' until ' || ?1 ELSE key END
		WHERE source = ?2 AND identity = ?3 AND resolved_at = 0 AND (starts_at <= ?4 OR ?4 = 0)`,
		nanos(a.ReceivedAt), a.Source, a.Identity, nanos(a.StartsAt))
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n > 0 {
		return err
	}
	over := *a
	over.ResolvedAt = a.ReceivedAt
	if a.StartsAt.IsZero() {
		over.Key = fmt.Sprintf("%s until %d", a.Key, nanos(a.ReceivedAt))
	}
	return keepAlert(ctx, tx, &over)
}

// alertBatch is how many alerts are decided at once at most.
const alertBatch = 1000

const alertColumns = `SELECT n, key, source, identity, starts_at, data, received_at, last_at, times, resolved_at, decided_at, outcome, run, cause, text, told, tries, next_at FROM alerts `

// WaitingAlerts returns the oldest alerts that nobody has decided, those whose
// time to be tried again has come, and those whose run may have to be told that
// they are resolved; and when the next is to be tried again, zero: none is.
func (s *Store) WaitingAlerts(ctx context.Context, now time.Time) (all []Alert, next time.Time, err error) {
	const waiting = `(outcome IN ('', 'retrying') OR run <> '' AND resolved_at <> 0 AND told = 0) `
	all, err = readAlerts(ctx, s.read, alertColumns+`WHERE `+waiting+`AND (outcome <> 'retrying' OR next_at <= ?) ORDER BY n LIMIT ?`, nanos(now), alertBatch)
	if err != nil {
		return nil, next, explain("read the alerts in", s.path, err)
	}
	var at int64
	err = s.read.QueryRowContext(ctx, `SELECT coalesce(min(next_at), 0) FROM alerts WHERE `+waiting+`AND outcome = 'retrying' AND next_at > ?`, nanos(now)).Scan(&at)
	return all, moment(at), explain("read the alerts in", s.path, err)
}

// SettleAlerts stores what was decided about alerts and returns when that is
// durable.
func (s *Store) SettleAlerts(ctx context.Context, all []Alert) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for i := range all {
			a := &all[i]
			if _, err := tx.ExecContext(ctx, `UPDATE alerts SET decided_at = ?, outcome = ?, run = ?, cause = ?, text = ?, told = ?, tries = ?, next_at = ? WHERE n = ?`,
				nanos(a.DecidedAt), a.Outcome, a.Run, a.Cause, a.Text, a.Told, a.Tries, nanos(a.NextAt), a.N); err != nil {
				return err
			}
		}
		return nil
	})
}

// LastOfCause returns the last run that an alert of a cause has begun.
func (s *Store) LastOfCause(ctx context.Context, cause string) (Cause, error) {
	var c Cause
	var resolved int64
	err := s.read.QueryRowContext(ctx, `SELECT run FROM alerts WHERE cause = ? AND outcome = ? ORDER BY decided_at DESC, n DESC LIMIT 1`, cause, AlertStarted).Scan(&c.Run)
	if errors.Is(err, sql.ErrNoRows) {
		return Cause{}, nil
	}
	if err == nil {
		err = s.read.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE resolved_at = 0), max(resolved_at) FROM alerts WHERE run = ?`, c.Run).Scan(&c.Open, &resolved)
	}
	c.ResolvedAt = moment(resolved)
	return c, explain("read the alerts in", s.path, err)
}

// Alerts lists alerts, the one that came last first; 0: no limit. after is the
// number of the one that they come after, 0: they begin with the first.
func (r *Reader) Alerts(ctx context.Context, limit int, after int64) ([]Alert, error) {
	all, err := readAlerts(ctx, r.db, alertColumns+`WHERE ?1 = 0 OR (last_at, n) < (SELECT last_at, n FROM alerts WHERE n = ?1) ORDER BY last_at DESC, n DESC LIMIT ?2`, after, limited(limit))
	return all, explain("read the alerts in", r.path, err)
}

// Alerts lists alerts, as [Reader.Alerts] does.
func (s *Store) Alerts(ctx context.Context, limit int, after int64) ([]Alert, error) {
	return (&Reader{path: s.path, db: s.read}).Alerts(ctx, limit, after)
}

func readAlerts(ctx context.Context, db *sql.DB, query string, args ...any) (all []Alert, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var a Alert
		var starts, received, last, resolved, decided, next int64
		if err := rows.Scan(&a.N, &a.Key, &a.Source, &a.Identity, &starts, &a.Data, &received, &last, &a.Times, &resolved, &decided, &a.Outcome, &a.Run, &a.Cause, &a.Text, &a.Told, &a.Tries, &next); err != nil {
			return nil, err
		}
		a.StartsAt, a.ReceivedAt, a.LastAt, a.ResolvedAt, a.DecidedAt, a.NextAt = moment(starts), moment(received), moment(last), moment(resolved), moment(decided), moment(next)
		a.Firing = resolved == 0
		all = append(all, a)
	}
	return all, rows.Err()
}

// pruneAlerts gives up what was decided and has not come since a time. A
// source that goes on sending it keeps it.
func (s *Store) pruneAlerts(ctx context.Context, before time.Time) error {
	return s.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM alerts WHERE outcome <> '' AND last_at < ?`, nanos(before))
		return err
	})
}
