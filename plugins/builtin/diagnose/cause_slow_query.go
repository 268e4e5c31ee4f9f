package diagnose

import (
	"fmt"
	"math"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// judgeSlowQuery: connections are held longer because queries take longer,
// and the server is at work on them. Told apart from lock blocking by what the
// sessions wait for, and from a pooler's queue by their number: there the
// queries look slow from the service, and the server has next to none.
func judgeSlowQuery(v *view) *claim {
	const cause = capability.SlowQuery
	active := v.state[activeSession]
	slower := v.query / v.queryBefore
	switch {
	case v.pool && finite(slower) && slower < 1.5 && !v.stuck():
		return notBecause(cause, "queries take %s, as before (%s)", seconds(v.query), seconds(v.queryBefore))
	case v.database && v.locked >= math.Max(2, 0.2*v.sessions):
		return notBecause(cause, "%.0f of %.0f sessions wait for locks", v.locked, v.sessions)
	case v.database && float64(active.Count) < 0.5*v.sessions:
		return notBecause(cause, "%d of %.0f sessions are active: the server is not at work on slow queries", active.Count, v.sessions)
	case v.pool && v.database && float64(active.Count) < 0.4*v.acquired:
		return notBecause(cause, "the pool has %.0f connections in use, the server only %d active sessions", v.acquired, active.Count)
	case v.pool && !v.full():
		return notBecause(cause, "the pool has room: %.0f of %.0f in use", v.acquired, v.max)
	case !v.pool && !v.queued() && active.P50S < 1:
		return notBecause(cause, "active sessions are young: half of them less than %s", seconds(active.P50S))
	}

	c := &claim{cause: cause}
	if slower >= 1.5 {
		c.thenf("queries %s → %s", seconds(v.queryBefore), seconds(v.query))
		// The longer hold must come from the queries.
		because := (v.query - v.queryBefore) / (v.hold - v.holdBefore)
		weight := 0.55
		if finite(because) && because < 0.6 {
			weight = 0.2
		}
		c.speaksFor(weight, observation{
			source: metrics, query: "metrics.pool: query_s and hold_s, now and baseline", at: v.in.Pool.Onset,
			observed: fmt.Sprintf("query %s, was %s; hold %s, was %s", seconds(v.query), seconds(v.queryBefore), seconds(v.hold), seconds(v.holdBefore)),
			expected: "both as before",
		})
	} else if v.stuck() {
		c.speaksFor(0.3, observation{
			source: metrics, query: "metrics.pool: now.acquired, now.releases_rps, now.hold_s", at: &v.in.Pool.ObservedAt,
			observed: fmt.Sprintf("%.0f connections in use, finished work explains %.1f", v.acquired, v.releases*zeroIfNaN(v.hold)), expected: "the two alike",
		})
	}
	if v.database {
		usual := 0.2
		if finite(v.queryBefore) {
			usual = math.Max(usual, 2*v.queryBefore)
		}
		o := observation{
			source: database, at: &v.in.Database.ObservedAt,
			query:    "select pid, now() - query_start as age, wait_event_type, left(query, 80) from pg_stat_activity where state = 'active' order by age desc",
			observed: fmt.Sprintf("%d of %.0f sessions active, half of them for more than %s, %.0f wait for locks", active.Count, v.sessions, seconds(active.P50S), v.locked),
			expected: "few active at a time, each for less than " + seconds(usual),
		}
		switch {
		case active.P50S >= usual:
			c.thenf("%d sessions active for %s and more", active.Count, seconds(active.P50S))
			c.speaksFor(0.4, o)
		case float64(active.Count) >= 0.75*v.sessions:
			// Held up by the pool, they begin in step, and may all be
			// young: their number says the same.
			c.thenf("%d of %.0f sessions active", active.Count, v.sessions)
			c.speaksFor(0.35, o)
		default:
			c.speaksAgainst(0.1, o)
		}
	}
	if v.full() {
		c.thenf("pool %.0f/%.0f", v.acquired, v.max)
	}
	c.actions = []capability.Remedy{
		{
			ID: "cancel_slow", Kind: "cancel", Target: "the statement that dominates", Risk: capability.MediumRisk,
			Text:   "Cancel that class of statement, oldest first, or bound it by statement_timeout for its role.",
			Guards: []string{"same_statement", "backend_start_unchanged"},
		},
		{
			ID: "restore_index", Kind: "manual", Target: "the table of that statement", Risk: capability.MediumRisk,
			Text: "Look for a dropped index or a changed plan; build an index CONCURRENTLY, since that loads the server, too.",
		},
	}
	return c
}
