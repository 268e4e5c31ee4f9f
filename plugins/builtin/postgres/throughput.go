package postgres

import (
	"cmp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	keepFor = 15 * time.Minute
	// leastSpan is how far two samples must be apart: the server counts what
	// was done with a delay of about a second.
	leastSpan = 1500 * time.Millisecond
	// leastIntervals is how many intervals make a past to compare with.
	leastIntervals = 2
)

// throughput is the work that a database has done since its statistics began.
// Sessions are counted since PostgreSQL 14.
type throughput struct {
	commits   int64
	rollbacks int64
	rows      int64
	sessions  *int64
	abandoned *int64
	clients   int // sessions of the application
	resting   int // of them, those that are idle
	most      int // max_connections
	at        time.Time
}

// A column that this version does not have is null by way of jsonb, where it
// would be an error by its name.
const sqlThroughput = `
select xact_commit, xact_rollback, tup_returned + tup_fetched,
  (to_jsonb(d) ->> 'sessions')::bigint, (to_jsonb(d) ->> 'sessions_abandoned')::bigint,
  a.clients, a.resting, current_setting('max_connections')::int, clock_timestamp()
from pg_stat_database d, (
  select count(*), count(*) filter (where state = 'idle') from pg_stat_activity
  where datname = current_database() and backend_type = 'client backend' and application_name not in ('` + applicationName + `', '` + actingName + `')
) a (clients, resting)
where d.datname = current_database()`

func (t *throughput) scan(row pgx.Row) error {
	return row.Scan(&t.commits, &t.rollbacks, &t.rows, &t.sessions, &t.abandoned, &t.clients, &t.resting, &t.most, &t.at)
}

// since is what was done from before to t, nil when that cannot be said: the
// two are too close, or the statistics were reset between them.
func (t throughput) since(before throughput) *capability.DatabaseTraffic {
	over := t.at.Sub(before.at)
	if over < leastSpan || t.commits < before.commits || t.rows < before.rows {
		return nil
	}
	rate := func(n int64) float64 { return float64(n) / over.Seconds() }
	counted := func(now, before *int64) *float64 {
		if now == nil || before == nil {
			return nil
		}
		r := rate(*now - *before)
		return &r
	}
	d := &capability.DatabaseTraffic{
		From: before.at.UTC(), To: t.at.UTC(),
		CommitsRPS: rate(t.commits - before.commits), RollbacksRPS: rate(t.rollbacks - before.rollbacks),
		SessionsRPS: counted(t.sessions, before.sessions), AbandonedRPS: counted(t.abandoned, before.abandoned),
		Sessions: &t.clients, Resting: &t.resting, Max: &t.most,
	}
	if n := t.commits - before.commits; n > 0 {
		v := float64(t.rows-before.rows) / float64(n)
		d.RowsPerCommit = &v
	}
	return d
}

// past is the samples of the last quarter of an hour, oldest first.
type past []throughput

// with returns the past and one sample more.
func (p past) with(t throughput) past {
	first := 0
	for first < len(p) && t.at.Sub(p[first].at) > keepFor {
		first++
	}
	return append(slices.Clone(p[first:]), t)
}

// now is what was done of late, up to t; nil without a past.
func (p past) now(t throughput) *capability.DatabaseTraffic {
	for _, before := range slices.Backward(p) {
		if t.at.Sub(before.at) >= leastSpan {
			return t.since(before)
		}
	}
	return nil
}

// usual is the median of each figure over the older half of the past, which a
// trouble of some minutes does not move; nil while there is little of it.
func (p past) usual() *capability.DatabaseTraffic {
	var all []*capability.DatabaseTraffic
	for i, before := 1, 0; i < len(p) && p[i].at.Sub(p[0].at) <= p[len(p)-1].at.Sub(p[0].at)/2; i++ {
		for before+1 < i && p[i].at.Sub(p[before+1].at) >= leastSpan {
			before++
		}
		if d := p[i].since(p[before]); d != nil {
			all = append(all, d)
		}
	}
	if len(all) < leastIntervals {
		return nil
	}
	return &capability.DatabaseTraffic{
		From: all[0].From, To: all[len(all)-1].To,
		CommitsRPS:    *median(all, func(d *capability.DatabaseTraffic) *float64 { return &d.CommitsRPS }),
		RollbacksRPS:  *median(all, func(d *capability.DatabaseTraffic) *float64 { return &d.RollbacksRPS }),
		SessionsRPS:   median(all, func(d *capability.DatabaseTraffic) *float64 { return d.SessionsRPS }),
		AbandonedRPS:  median(all, func(d *capability.DatabaseTraffic) *float64 { return d.AbandonedRPS }),
		RowsPerCommit: median(all, func(d *capability.DatabaseTraffic) *float64 { return d.RowsPerCommit }),
		Sessions:      median(all, func(d *capability.DatabaseTraffic) *int { return d.Sessions }),
		Resting:       median(all, func(d *capability.DatabaseTraffic) *int { return d.Resting }),
		Max:           median(all, func(d *capability.DatabaseTraffic) *int { return d.Max }),
	}
}

// median is nil where the figure is not counted.
func median[N cmp.Ordered](all []*capability.DatabaseTraffic, figure func(*capability.DatabaseTraffic) *N) *N {
	var values []N
	for _, d := range all {
		if v := figure(d); v != nil {
			values = append(values, *v)
		}
	}
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	return &values[len(values)/2]
}
