package diagnose

import (
	"fmt"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// judgeTrafficSpike: more distinct requests come, each as quick as ever. Told
// apart from the retry storm of another cause by counting first attempts only.
func judgeTrafficSpike(v *view) *claim {
	const cause = capability.TrafficSpike
	switch {
	case !v.pool:
		return notBecause(cause, "there are no figures of the pool")
	case !v.full() || !v.queued():
		return notBecause(cause, "the pool has room for what comes: %.0f of %.0f in use", v.acquired, v.max)
	case v.stuck():
		return notBecause(cause, "connections are held far longer than finished work explains")
	}
	p := v.pressure()
	switch {
	case p.demandKnown && p.demand == 1:
		return notBecause(cause, "first attempts are as before: %.0f/s, were %.0f/s", v.first, v.firstBefore)
	case !p.demandKnown && v.baseline:
		return notBecause(cause, "attempts that are no retry could not be compared")
	case p.demand > 1 && p.share(p.demand) < 0.4:
		return notBecause(cause, "first attempts grew by %.1f, but hold time by %.1f and a smaller pool by %.1f weigh more", p.demand, p.hold, p.size)
	}

	c := &claim{cause: cause}
	c.speaksFor(0.3, observation{
		source: metrics, query: "metrics.pool: now.acquired, now.max, now.waiting", at: &v.in.Pool.ObservedAt,
		observed: fmt.Sprintf("%.0f of %.0f connections in use, %.0f requests wait", v.acquired, v.max, zeroIfNaN(v.waiting)), expected: "connections left, and nobody waits",
	})
	if p.demand > 1 {
		c.thenf("first attempts %.0f/s → %.0f/s", v.firstBefore, v.first)
		c.speaksFor(0.5*p.share(p.demand), observation{
			source: metrics, query: "metrics.pool: baseline.first_attempts_rps, now.first_attempts_rps", at: v.in.Pool.Onset,
			observed: fmt.Sprintf("first attempts %.0f/s, were %.0f/s", v.first, v.firstBefore), expected: "as before",
		})
	}
	c.thenf("pool %.0f/%.0f", v.acquired, v.max)
	if p.holdKnown && p.hold == 1 {
		c.speaksFor(0.05, observation{
			source: metrics, query: "metrics.pool: baseline.hold_s, now.hold_s", at: v.in.Pool.Onset,
			observed: fmt.Sprintf("hold %s, was %s", seconds(v.hold), seconds(v.holdBefore)), expected: "as before: each request is as quick as ever",
		})
	}
	c.serverHasRoom(v, 0.1)
	c.actions = []capability.Remedy{
		{
			ID: "shed_backlog", Kind: "shed", Target: "requests that wait", Risk: capability.LowRisk,
			Text: "Limit what is let in to what the pool can serve; refuse the rest at once with Retry-After.",
		},
		{
			ID: "enlarge_pool", Kind: "scale", Target: appPool, Risk: capability.MediumRisk, Reversible: true,
			Text:   "Enlarge the pools only within the server's free slots and CPU: more can move the collapse into the database.",
			Guards: []string{"sum_pools_le_usable", "db_cpu_lt_80"},
		},
	}
	return c
}
