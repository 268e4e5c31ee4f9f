package diagnose

import (
	"fmt"
	"math"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// stuckInTransaction says that a good part of the sessions has had a
// transaction open for long without working on it. Many young ones are
// ordinary: every transaction is idle between two statements.
func (v *view) stuckInTransaction() bool {
	s := v.state[inTransaction]
	long := math.Max(1, 5*zeroIfNaN(v.hold))
	return s.Count >= 3 && float64(s.Count) >= 0.3*v.sessions && s.OldestS >= 2*long && s.P50S >= long
}

// judgeIdleInTransaction: transactions were left open. Told apart from healthy
// traffic by age, not number; from lock blocking by nobody waiting for them;
// from half-open connections by ages that are spread.
func judgeIdleInTransaction(v *view) *claim {
	const cause = capability.IdleInTransaction
	s := v.state[inTransaction]
	switch {
	case !v.database:
		return notBecause(cause, "the sessions could not be read")
	case s.Count == 0:
		return notBecause(cause, "no session is idle in a transaction")
	case !v.stuckInTransaction():
		return notBecause(cause, "%d of %.0f sessions are idle in a transaction, half of them for less than %s: that is ordinary", s.Count, v.sessions, seconds(s.P50S))
	case v.locked >= math.Max(2, 0.2*v.sessions):
		return notBecause(cause, "%.0f sessions wait for locks: who blocks them matters more", v.locked)
	case frozenAtOnce(s) && s.Count >= 3:
		return notBecause(cause, "all of them went quiet at one instant, %s ago: that is a broken network", seconds(s.OldestS))
	case v.pool && !v.full() && !v.refused():
		return notBecause(cause, "there is room: %.0f of %.0f connections of the pool in use", v.acquired, v.max)
	}

	c := &claim{cause: cause}
	c.thenf("%d transactions left open for up to %s", s.Count, seconds(s.OldestS))
	c.speaksFor(0.7, observation{
		source: database, at: &v.in.Database.ObservedAt,
		query:    "select pid, usename, now() - xact_start as age, left(query, 80) from pg_stat_activity where state = 'idle in transaction' order by age desc",
		observed: fmt.Sprintf("%d of %.0f sessions idle in a transaction, half of them for more than %s, the oldest for %s", s.Count, v.sessions, seconds(s.P50S), seconds(s.OldestS)),
		expected: "none older than a few hold times",
	})
	if v.pool {
		c.thenf("pool %.0f/%.0f", v.acquired, v.max)
		o := observation{
			source: metrics, query: "metrics.pool: now.acquired, now.releases_rps, now.hold_s", at: &v.in.Pool.ObservedAt,
			observed: fmt.Sprintf("%.0f connections in use, finished work explains %.1f", v.acquired, v.releases*zeroIfNaN(v.hold)), expected: "the two alike",
		}
		if v.stuck() {
			c.speaksFor(0.22, o)
		} else {
			c.speaksAgainst(0.1, o)
		}
	}
	c.actions = []capability.Remedy{
		{
			ID: "terminate_oldest", Kind: "terminate", Target: "the oldest idle transactions", Risk: capability.MediumRisk,
			Text:   "Terminate them by pid and backend_start, oldest first, at most a fifth of the sessions at a time: their work is rolled back.",
			Guards: []string{"backend_start_unchanged", "at_most_20_percent", "no_superuser_or_backup"},
		},
		{
			ID: "idle_timeout", Kind: "manual", Target: "the role of the service", Risk: capability.LowRisk, Reversible: true,
			Text: "Set idle_in_transaction_session_timeout for the role, so that it cannot happen again.",
		},
	}
	return c
}
