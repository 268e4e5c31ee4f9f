package diagnose

import (
	"fmt"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// judgeAppPool: the service's own pool is used up and smaller than before,
// while demand and hold time are what they were, and the server has room.
// Told apart from a traffic spike by first attempts, from everything slow or
// stuck by hold time, and from a decoy change by what is measured: a pool that
// has connections left is not too small, whatever was changed.
func judgeAppPool(v *view) *claim {
	const cause = capability.AppPoolTooSmall
	switch {
	case !v.pool:
		return notBecause(cause, "there are no figures of the pool")
	case !v.full():
		return notBecause(cause, "%.0f of %.0f connections are in use: the pool has room", v.acquired, v.max)
	case !v.queued():
		return notBecause(cause, "nobody waits for a connection")
	case v.opensSlowly():
		return notBecause(cause, "%.0f connections are being opened, and a fresh one takes %.0f ms: opening them is slow", v.opening, v.in.Database.Connect.MS)
	case v.refused():
		return notBecause(cause, "the server itself has no slot left")
	case v.stuck():
		return notBecause(cause, "connections are held far longer than finished work explains: %.0f in use, %.1f explained", v.acquired, v.releases*v.hold)
	}
	p := v.pressure()
	change := v.poolChange()
	if p.sizeKnown && p.size == 1 {
		return notBecause(cause, "the pool is as large as before: %.0f", v.max)
	}
	if p.size > 1 && p.share(p.size) < 0.4 {
		return notBecause(cause, "the pool shrank by %.1f, but demand by %.1f and hold time by %.1f weigh more", p.size, p.demand, p.hold)
	}

	c := &claim{cause: cause, change: change}
	onset := v.in.Pool.Onset
	if change != nil {
		c.variant = "config_change"
		c.thenf("%s %s → %s", change.Setting, change.Before, change.After)
	}
	c.thenf("pool %.0f/%.0f", v.acquired, v.max)
	c.speaksFor(0.3, observation{
		source: metrics, query: "metrics.pool: now.acquired, now.max, now.waiting", at: &v.in.Pool.ObservedAt,
		observed: fmt.Sprintf("%.0f of %.0f connections in use, %.0f requests wait", v.acquired, v.max, zeroIfNaN(v.waiting)), expected: "connections left, and nobody waits",
	})
	if p.size > 1 {
		c.speaksFor(0.4*p.share(p.size), observation{
			source: metrics, query: "metrics.pool: baseline.max, now.max", at: onset,
			observed: fmt.Sprintf("pool size %.0f, was %.0f", v.max, v.maxBefore), expected: v.expectedSize(),
		})
	}
	if p.demandKnown && p.holdKnown {
		o := observation{
			source: metrics, query: "metrics.pool: first_attempts_rps and hold_s, now and baseline", at: onset,
			observed: fmt.Sprintf("first attempts %.0f/s, were %.0f/s; hold %s, was %s", v.first, v.firstBefore, seconds(v.hold), seconds(v.holdBefore)),
			expected: "both as before",
		}
		if p.demand == 1 && p.hold == 1 {
			c.speaksFor(0.15, o)
		} else {
			c.speaksAgainst(0.1, o)
		}
	}
	c.serverHasRoom(v, 0.15)
	if change != nil {
		c.speaksFor(v.changeWeight(p), changeObservation(*change, fmt.Sprintf("the measured size, %.0f, before the onset", v.max)))
	}
	c.actions = appPoolActions(v, change)
	return c
}

// changeWeight is what a fitting change adds. Where the metrics saw the pool
// shrink it only names the author; without a baseline it is the one thing
// that says that the pool was larger.
func (v *view) changeWeight(p pressure) float64 {
	if p.sizeKnown {
		return 0.15
	}
	return 0.45
}

// expectedSize is what the demand needs.
func (v *view) expectedSize() string {
	if need := v.first * v.hold; finite(need) {
		return fmt.Sprintf("at least %.0f for this demand", need)
	}
	return fmt.Sprintf("%.0f", v.maxBefore)
}

// serverHasRoom adds that the server has slots left and its sessions are not
// stuck: the shortage is in front of it.
func (c *claim) serverHasRoom(v *view, weight float64) {
	if !v.database {
		return
	}
	o := observation{
		source: database, at: &v.in.Database.ObservedAt,
		query:    "select state, count(*) from pg_stat_activity where backend_type = 'client backend' group by state; show max_connections",
		observed: fmt.Sprintf("%d of %.0f slots free, %.0f sessions wait for locks", v.in.Database.Free, v.usable, v.locked),
		expected: "slots free and no locks: the server is not what is short",
	}
	if v.in.Database.Free > 0 && v.locked < 0.2*v.sessions+1 {
		c.speaksFor(weight, o)
		return
	}
	c.speaksAgainst(weight, o)
}

func appPoolActions(v *view, change *capability.Change) []capability.Remedy {
	shed := capability.Remedy{
		ID: "shed_backlog", Kind: "shed", Target: "requests that wait", Risk: capability.LowRisk,
		Text: "Cancel what waits and refuse new requests for one acquire timeout: what waits has been given up by its callers.",
	}
	if change == nil {
		return []capability.Remedy{{
			ID: "enlarge_pool", Kind: "scale", Target: appPool, Risk: capability.MediumRisk, Reversible: true,
			Text:   "Put the pools back to the size they had; no change of the settings explains why they are smaller.",
			Guards: []string{"sum_pools_le_usable"},
		}, shed}
	}
	revert := capability.Remedy{
		ID: "rollback_config", Kind: "revert", Target: change.Setting, From: change.After, To: change.Before,
		Risk: capability.LowRisk, Reversible: true,
		Text:   fmt.Sprintf("Set %s back from %s to %s, then shed what waits.", change.Setting, change.After, change.Before),
		Guards: []string{"sum_pools_le_usable", "value_unchanged_since"},
	}
	if before, ok := change.Before.Number(); ok && before > 0.9*v.usable {
		revert.Risk = capability.MediumRisk
		revert.Text += fmt.Sprintf(" Careful: that is more than nine tenths of the %.0f slots of the server.", v.usable)
	}
	return []capability.Remedy{revert, shed}
}
