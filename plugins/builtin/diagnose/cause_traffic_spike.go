package diagnose

import (
	"math"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var trafficSpike = cause{
	id: capability.TrafficSpike, layer: capability.AppPool,
	text:  "More requests come than the pool was made for, each as quick as ever.",
	signs: "First attempts grew; hold and query times are as before; the pool is used up.",
	unlike: []lookAlike{
		{capability.AppPoolTooSmall, "the pool shrank, and first attempts are as before"},
		{capability.SlowQuery, "attempts grew because they are repeated; first attempts are as before"},
	},
	judge: judgeTrafficSpike,
}

func judgeTrafficSpike(v *view) *claim {
	switch {
	case v.pooler.busier() && v.pooler.queued() && v.pooler.poolFull():
		return v.spikeThroughPooler()
	case !v.pool:
		return v.spikeBySessions()
	case !v.full() || !v.queued():
		return notBecause("the pool has room for what comes: %.0f of %.0f in use", v.now.acquired, v.now.max)
	}
	p := v.pressure()
	switch {
	case v.elsewhere() || v.refusesWrites():
		return notBecause("what comes more is repeated: it fails elsewhere, or for want of a server that takes writes")
	case p.demandKnown && p.demand == 1:
		return notBecause("first attempts are as before: %s, were %s", rate(v.now.first), rate(v.before.first))
	case !p.demandKnown && v.now.offered >= 4*v.before.offered:
		// More than retries are apt to make of it, but they may be all.
		c := &claim{actions: spikeActions()}
		c.thenf("attempts %s → %s, retries among them", rate(v.before.offered), rate(v.now.offered))
		c.speaksFor(0.25, v.poolUsed())
		return c
	case !p.demandKnown && v.baseline && (p.hold > 1 || p.size > 1 || v.stuck()):
		return notBecause("attempts that are no retry could not be compared, and other things changed")
	case p.demand == 1 && v.stuck():
		return notBecause("connections are held far longer than finished work explains")
	case p.demand > 1 && p.share(p.demand) < 0.05:
		return notBecause("first attempts grew by %.1f, but hold time by %.1f and a smaller pool by %.1f weigh more", p.demand, p.hold, p.size)
	}

	c := &claim{}
	if p.demand > 1 {
		c.thenf("first attempts %s → %s", rate(v.before.first), rate(v.now.first))
		weight := 0.5
		if v.in.Pool.Now.FirstAttemptsRPS == nil {
			weight = 0.3 // attempts that end in a burst look like more of them
		}
		c.speaksFor(weight*p.share(p.demand), v.firstAttempts())
	} else if v.baseline {
		// Requests are not counted apart from their retries, but neither hold
		// times nor the pools changed, so it is demand that did.
		if finite(v.now.offered) {
			c.thenf("attempts %s → %s", rate(v.before.offered), rate(v.now.offered))
		} else {
			c.thenf("connections given back %s → %s", rate(v.before.releases), rate(v.now.releases))
		}
	}
	c.speaksFor(0.3, v.poolUsed())
	if p.holdKnown && p.hold == 1 && !v.stuck() {
		weight := 0.05
		if !p.demandKnown && p.sizeKnown && v.doesMore() && !(v.holdNow() < 0.8*v.before.usualHold()) {
			weight = 0.3 // and is not quicker because it fails early
		}
		o := v.times()
		o.expected = "as before: each request is as quick as ever"
		c.speaksFor(weight, o)
	}
	if v.stuck() {
		c.speaksAgainst(0.1, v.unexplained())
	}
	if v.opensSlowly() {
		c.speaksAgainst(0.3, v.slots())
	}
	c.serverHasRoom(v, 0.1)
	c.actions = spikeActions()
	return c
}

// spikeBySessions is what the server alone shows of more requests.
func (v *view) spikeBySessions() *claim {
	if v.noRest() && v.busier() >= 1.35 && v.more() >= 0.9 && !(v.workGrew() >= 2.5) && !v.standstill() && !v.slotsShort() && !v.pooler.present {
		c := &claim{actions: spikeActions()}
		c.thenf("%s transactions, were %s", rate(v.traffic().CommitsRPS), rate(v.usual().CommitsRPS))
		c.speaksFor(0.65, v.past("as many transactions as before, and sessions at rest"))
		return c
	}
	if !v.allBusy() || v.fewer() >= 1.2 || v.workGrew() >= 1.7 {
		return notBecause("there are no figures of the pool")
	}
	c := &claim{actions: spikeActions()}
	c.thenf("all %.0f sessions at work", v.sessions)
	c.speaksFor(0.3, v.states("some sessions at rest: where all are at work more may have come"))
	return c
}

// spikeThroughPooler is more requests than a pooler has server connections for,
// which is as large as it was.
func (v *view) spikeThroughPooler() *claim {
	c := &claim{actions: spikeActions()}
	c.thenf("%s transactions through the pooler, were %s", rate(v.pooler.now.TransactionsRPS), rate(v.pooler.before.TransactionsRPS))
	c.speaksFor(0.6, v.throughPooler())
	if p := v.pressure(); p.demand > 1 {
		c.speaksFor(0.25, v.firstAttempts())
	}
	if v.pool {
		c.speaksFor(0.1, v.poolUsed())
	}
	c.serverHasRoom(v, 0.05)
	return c
}

// doesMore says that more connections are given back than before.
func (v *view) doesMore() bool {
	return v.now.releases/v.before.releases >= 1.15+2/math.Sqrt(math.Max(1, v.now.releases*v.now.seconds))
}

func spikeActions() []capability.Remedy {
	limit := shedBacklog()
	limit.Text = "Limit what is let in to what the pool can serve; refuse the rest at once with Retry-After."
	return []capability.Remedy{limit, {
		ID: "enlarge_pool", Kind: "scale", Target: appPool, Risk: capability.MediumRisk, Reversible: true, Approval: capability.OneClick,
		Text:   "Enlarge the pools only within the server's free slots and CPU: more can move the collapse into the database.",
		Guards: []string{"sum_pools_le_usable", "db_cpu_lt_80"}, Verify: afterwards(),
	}}
}
