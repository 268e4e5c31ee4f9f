package diagnose

import (
	"fmt"
	"math"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var connectionStorm = cause{
	id: capability.ConnectionStorm, layer: capability.ServerSlots,
	text:  "The service opens a connection for (nearly) every request, past its pool or by a pool that keeps none.",
	signs: "Connections are opened about as often as requests are served, and the server has sessions of the service that no pool counts.",
	unlike: []lookAlike{
		{capability.RoleOrDBLimit, "the server names the limit"},
		{capability.SlowConnectAuth, "few are opened, each slowly"},
		{capability.ReplicasTimesPool, "connections live long, and there are too many pools"},
		{capability.DBMaxConnectionsTooLow, "connections are opened often only because they are refused"},
	},
	judge: judgeStorm,
}

// outside is how many sessions of the service no pool counts.
func (v *view) outside() float64 {
	holders := v.holders()
	if !v.pool || !v.database || v.pooler.present || v.nameless(holders) {
		return 0
	}
	inPools := v.now.acquired + zeroIfNaN(v.idle)
	if len(holders) > 0 && v.now.acquired < 0.1*v.now.max {
		// Next to nothing of the pools is used: the largest holder is the
		// service.
		return holders[0].count - inPools
	}
	return v.service(holders).count - inPools - v.opening
}

// pastPools says that the service has connections that no pool counts, and
// that they live.
func (v *view) pastPools() bool {
	outside := v.outside()
	return outside >= math.Max(4, 0.3*v.now.max) && v.orphans() < 0.5*outside
}

func judgeStorm(v *view) *claim {
	served := v.now.releases
	if math.IsNaN(served) {
		served = v.now.first
	}
	outside := v.outside()
	past := v.pastPools()
	often := v.now.connects >= 0.5*served && v.now.connects >= 5 && v.now.connects >= 3*zeroIfNaN(v.before.connects)
	if !v.pool && v.beginsOften() {
		now := v.traffic()
		c := &claim{actions: stormActions()}
		c.thenf("%s sessions begun for %s transactions", rate(*now.SessionsRPS), rate(now.CommitsRPS))
		c.speaksFor(0.7, observation{
			source: database, query: "select sessions, xact_commit from pg_stat_database where datname = current_database() -- twice", at: v.databaseAt(),
			observed: fmt.Sprintf("%s sessions begun for %s transactions; %.0f %% of them are young", rate(*now.SessionsRPS), rate(now.CommitsRPS), 100*v.young()),
			expected: "far fewer sessions than transactions",
		})
		return c
	}
	switch {
	case !v.pool:
		return notBecause("there are no figures of how often connections are opened")
	case !often && !past && math.IsNaN(v.now.connects):
		return notBecause("how often connections are opened is not said, and the server has no sessions of the service that its pools do not count")
	case !often && !past:
		return notBecause("%s connections are opened for %s served", rate(v.now.connects), rate(served))
	case v.met(socketErrors) > 0:
		return notBecause("the service's own machine refuses connections")
	case v.limitReached() != nil && v.limitPinches():
		return notBecause("a narrower limit of the server is reached")
	case v.pooler.clientsFull():
		return notBecause("the pooler refuses them")
	case v.database && !v.refused() && !past && !v.churns() && !v.leftAlone():
		return notBecause("the server has slots, and its sessions are not the service's many")
	}
	c := &claim{}
	c.thenf("%s connections opened", rate(v.now.connects))
	o := observation{
		source: metrics, query: "metrics.pool: now.connects_rps, now.releases_rps, baseline.connects_rps", at: v.poolAt(),
		observed: fmt.Sprintf("%s connections opened, were %s; %s served", rate(v.now.connects), rate(v.before.connects), rate(served)),
		expected: "far fewer opened than served: a pool keeps them",
	}
	if often {
		weight := 0.3
		switch {
		case v.idle >= 0.3*v.now.max && v.idle >= 2:
			// Where the pool has connections at rest, nobody has to open one.
			weight = 0.6
		case v.churns():
			weight = 0.5
		case v.refusedUnsaid():
			weight = 0.15 // they are opened often because they are refused
		}
		c.speaksFor(weight, o)
	}
	if past && !often && v.now.connects >= 5 {
		c.speaksFor(0.2, o)
	}
	if past {
		c.speaksFor(0.6, observation{
			source: database, query: slotsSQL, at: v.databaseAt(),
			observed: fmt.Sprintf("the server has %.0f sessions of the service that its pools, with %.0f connections, do not count", outside, v.now.acquired+zeroIfNaN(v.idle)),
			expected: "as many on both sides",
		})
	} else if v.database && !v.leftAlone() {
		c.weigh(v.refused() && v.other() == nil && !v.restarted() && !(v.now.max > v.usable), 0.2, 0.2, v.slots())
	}
	c.follows(v)
	c.actions = stormActions()
	return c
}

// leftAlone says that nobody uses the pools, though requests come.
func (v *view) leftAlone() bool {
	return v.idle >= 0.8*v.now.max && v.idle >= 2 && v.before.acquired >= 0.1*v.now.max && v.now.acquired <= 0.05*v.now.max
}

// beginsOften says that sessions are begun about as often as transactions, more
// than before, and more of them than there are, where slots are short: by what
// the server counts. A deployment begins each once. What has rested for long, as
// do the connections of a pool that nobody uses any more, takes no part.
func (v *view) beginsOften() bool {
	now := v.traffic()
	if now == nil || now.SessionsRPS == nil || float64(v.in.Database.Free) > 0.15*v.usable || v.other() != nil {
		return false
	}
	begun := *now.SessionsRPS
	return begun*now.To.Sub(now.From).Seconds() >= 1.5*v.sessions && begun >= 5 && begun >= 0.1*now.CommitsRPS && float64(v.in.Database.Backends.Young) >= math.Max(4, 0.25*(v.sessions-float64(v.resting.Frozen))) && begun >= 3*zeroIfNaN(number(v.usual().SessionsRPS))
}

func stormActions() []capability.Remedy {
	return []capability.Remedy{
		byHand("stop_rollout", "the version or setting that does it", capability.LowRisk,
			"Stop the rollout, or put it back: restarting all at once makes it worse."),
		restartWaves("Restart in waves with jitter, and wait for free slots before the next."),
		byHand("pooler", "between service and server", capability.MediumRisk,
			"Where connections have to be opened often, put a pooler in between."),
	}
}

// churns says that connections are opened as often as they are given back and
// none is kept, although all succeed: few requests fail, or slots are free.
func (v *view) churns() bool {
	return v.now.connects >= 0.7*v.now.releases && v.now.releases > 0 && v.idle <= 0.1*v.now.max && !(v.now.errors > 0.3)
}
