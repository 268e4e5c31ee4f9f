package diagnose

import (
	"fmt"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var appPoolTooSmall = cause{
	id: capability.AppPoolTooSmall, layer: capability.AppPool,
	text:  "The service's own pool became smaller than its work needs, while the server has room.",
	signs: "The pool is used up and smaller than before; first attempts, hold and query times are as before; the server has slots free.",
	unlike: []lookAlike{
		{capability.TrafficSpike, "the pool is as large as before, and more first attempts come"},
		{capability.SlowQuery, "connections are held longer"},
		{capability.HeldDuringExternalCall, "connections are held longer"},
		{capability.PgbouncerPoolTooSmall, "clients wait at the pooler, not in the service alone"},
	},
	judge: judgeAppPool,
}

func judgeAppPool(v *view) *claim {
	if !v.pool {
		return v.appPoolBySessions()
	}
	switch {
	case !v.full():
		return notBecause("%.0f of %.0f connections are in use: the pool has room", v.now.acquired, v.now.max)
	case !v.queued():
		return notBecause("nobody waits for a connection")
	case v.opensSlowly() && v.opening >= 0.3*v.now.max:
		return notBecause("%.0f connections are being opened, and a fresh one takes %.0f ms: opening them is slow", v.opening, v.in.Database.Connect.MS)
	case v.refused() && v.soonOpen() > 0:
		return notBecause("the server itself has no slot left")
	}
	p := v.pressure()
	switch {
	case p.sizeKnown && p.size == 1:
		return notBecause("the pool is as large as before: %.0f", v.now.max)
	case p.size > 1 && p.share(p.size) < 0.05:
		return notBecause("the pool shrank by %.1f, but demand by %.1f and hold time by %.1f weigh more", p.size, p.demand, p.hold)
	case p.size == 1 && v.stuck():
		return notBecause("connections are held far longer than finished work explains: %.0f in use, %.1f explained", v.now.acquired, v.now.releases*v.now.hold)
	}

	c := &claim{}
	c.speaksFor(0.3, v.poolUsed())
	if p.size > 1 {
		c.speaksFor(0.4*p.share(p.size), observation{
			source: metrics, query: "metrics.pool: baseline.max, now.max", at: v.poolAt(),
			observed: fmt.Sprintf("pool size %.0f, was %.0f", v.now.max, v.before.max), expected: v.expectedSize(),
		})
	}
	if p.demandKnown || p.holdKnown {
		o := v.times()
		o.query = "metrics.pool: first_attempts_rps and hold_s, now and baseline"
		o.observed = fmt.Sprintf("first attempts %s, were %s; hold %s, was %s", rate(v.now.first), rate(v.before.first), seconds(v.now.usualHold()), seconds(v.before.usualHold()))
		against := 0.15
		if p.size >= 1.5 {
			against = 0.05 // a third of it is missing by itself, however long connections are held
		}
		c.weigh(p.demand == 1 && p.hold == 1 && !v.stuck(), 0.15, against, o)
	}
	c.serverHasRoom(v, 0.15)
	if change := v.poolChange(); change != nil {
		// Where the metrics saw the pool shrink the change only names the
		// author; without a baseline it is the one thing that says so.
		weight := 0.45
		if p.sizeKnown {
			weight = 0.15
		}
		c.blame(change, weight, fmt.Sprintf("the measured size, %.0f, before the onset", v.now.max))
	}
	c.actions = appPoolActions(v, c.change)
	return c
}

// appPoolBySessions is what the server alone shows of a pool that is used up:
// all of its sessions are at work, each for a moment only, and slots are free.
func (v *view) appPoolBySessions() *claim {
	if !v.database {
		return notBecause("there are no figures of the pool")
	}
	switch {
	case v.fewer() < 1.2:
		return notBecause("there are as many sessions as before: %.0f, were %.0f", v.sessions, whole(v.usual().Sessions))
	case v.noRest() && v.fewer() >= 1.2 && v.workGrew() < 2:
		if l := v.limitReached(); l != nil {
			return notBecause("a limit of the %s keeps them fewer", l.of)
		}
		if v.slotsShort() || v.pooler.present || v.standstill() || v.opensSlowly() {
			return notBecause("other things keep them fewer")
		}
		c := &claim{}
		c.thenf("%.0f sessions, were %.0f, and none at rest", v.sessions, whole(v.usual().Sessions))
		c.speaksFor(0.7, v.past("as many sessions as before, and some at rest"))
		if change := v.changeTo(poolLike, loweredTo(v.service(v.holders()).count)); change != nil && !otherPool.MatchString(change.Setting) {
			c.blame(change, 0.2, fmt.Sprintf("the %.0f sessions that there are", v.sessions))
		}
		c.actions = appPoolActions(v, c.change)
		return c
	case !v.allBusy():
		return notBecause("there are no figures of the pool, and %d sessions are at rest", v.resting.Count)
	}
	c := &claim{}
	c.thenf("all %.0f sessions at work", v.sessions)
	c.speaksFor(0.4, v.states("some sessions at rest: a pool of which all are at work may be too small"))
	service := v.service(v.holders())
	if change := v.changeTo(poolLike, loweredTo(service.count)); change != nil && !otherPool.MatchString(change.Setting) {
		c.blame(change, 0.4, fmt.Sprintf("the %.0f sessions that there are", service.count))
	}
	c.actions = appPoolActions(v, c.change)
	return c
}

// allBusy says that every session of the service is at work, for a moment
// each, on a server that has room.
func (v *view) allBusy() bool {
	return v.database && v.sessions >= 8 && v.resting.Count == 0 && v.in.Database.Free > 0 && !v.standstill() && !v.stuckInTransaction() && v.limitReached() == nil &&
		!(v.active.P50S >= 0.3) && !(v.inTx.P50S >= 0.3) && !v.pooler.queued()
}

// expectedSize is what the demand needs.
func (v *view) expectedSize() string {
	if need := v.now.first * v.now.usualHold(); finite(need) {
		return fmt.Sprintf("at least %.0f for this demand", need)
	}
	return fmt.Sprintf("%.0f", v.before.max)
}

func rate(perSecond float64) string {
	if !finite(perSecond) {
		return "unknown"
	}
	return fmt.Sprintf("%.0f/s", perSecond)
}

func appPoolActions(v *view, change *capability.Change) []capability.Remedy {
	if change == nil {
		return []capability.Remedy{{
			ID: "enlarge_pool", Kind: "scale", Target: appPool, Risk: capability.MediumRisk, Reversible: true, Approval: capability.OneClick,
			Text:   "Put the pools back to the size they had; no change of the settings explains why they are smaller.",
			Guards: []string{"sum_pools_le_usable"}, Verify: afterwards(),
		}, shedBacklog()}
	}
	revert := revertChange(change, ", then shed what waits.")
	revert.Guards = append(revert.Guards, "sum_pools_le_usable")
	if before, ok := change.Before.Number(); ok && before > 0.9*v.usable {
		revert.Risk, revert.Approval = capability.MediumRisk, capability.OneClick
		revert.Text += fmt.Sprintf(" Careful: that is more than nine tenths of the %.0f slots of the server.", v.usable)
	}
	return []capability.Remedy{revert, shedBacklog()}
}
