package diagnose

import (
	"fmt"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// judgeConnectionLeak: the pool counts connections as in use whose sessions do
// nothing, and were given out at different times. Told apart from idle in
// transaction by the state, from connections held during a call to somebody
// else by ages beyond one hold time, and from half-open connections by ages
// that are spread.
func judgeConnectionLeak(v *view) *claim {
	const cause = capability.ConnectionLeak
	idle := v.state[idleSession]
	switch {
	case !v.pool:
		return notBecause(cause, "there are no figures of the pool, and idle sessions alone are ordinary")
	case !v.full():
		return notBecause(cause, "the pool has room: %.0f of %.0f in use", v.acquired, v.max)
	case !v.stuck():
		return notBecause(cause, "finished work explains the %.0f connections in use", v.acquired)
	}

	c := &claim{cause: cause}
	if v.database {
		hold := zeroIfNaN(v.hold)
		switch {
		case float64(idle.Count) < 0.4*v.acquired:
			return notBecause(cause, "%d sessions are idle, of %.0f that the pool has given out", idle.Count, v.acquired)
		case idle.OldestS < 1 || idle.P50S < 2*hold:
			return notBecause(cause, "the idle sessions are young: half of them less than %s, and a hold is %s", seconds(idle.P50S), seconds(hold))
		case frozenAtOnce(idle) && idle.Count >= 3:
			return notBecause(cause, "all idle sessions went quiet at one instant, %s ago: that is a broken network, not a leak", seconds(idle.OldestS))
		}
		c.thenf("%d sessions idle for up to %s, not given back", idle.Count, seconds(idle.OldestS))
		c.speaksFor(0.45, observation{
			source: database, at: &v.in.Database.ObservedAt,
			query:    "select pid, now() - state_change as age from pg_stat_activity where state = 'idle' order by age desc",
			observed: fmt.Sprintf("%d sessions idle, half of them for more than %s, the oldest for %s, while the pool counts %.0f in use", idle.Count, seconds(idle.P50S), seconds(idle.OldestS), v.acquired),
			expected: "no idle session that the pool has given out",
		})
	}
	c.thenf("pool %.0f/%.0f", v.acquired, v.max)
	c.speaksFor(0.45, observation{
		source: metrics, query: "metrics.pool: now.acquired, now.releases_rps, now.hold_s", at: &v.in.Pool.ObservedAt,
		observed: fmt.Sprintf("%.0f connections in use, finished work explains %.1f", v.acquired, v.releases*zeroIfNaN(v.hold)), expected: "the two alike",
	})
	c.actions = []capability.Remedy{
		{
			ID: "restart", Kind: "restart", Target: "the replicas of the leaking version, in waves", Risk: capability.MediumRisk,
			Text: "Restart the replicas in waves: that gives the connections back, until the leak has filled the pools again.",
		},
		{
			ID: "rollback_release", Kind: "revert", Target: "the version that leaks", Risk: capability.LowRisk, Reversible: true,
			Text: "Roll the release back: only that ends it.",
		},
	}
	return c
}

// frozenAtOnce says that sessions stopped at one instant: none is much older
// than the others.
func frozenAtOnce(s capability.SessionState) bool {
	return s.OldestS >= 1 && s.P50S >= 0.95*s.OldestS
}
