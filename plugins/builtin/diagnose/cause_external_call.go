package diagnose

import (
	"fmt"
	"math"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var heldOutside = cause{
	id: capability.HeldDuringExternalCall, layer: capability.AppPool,
	text:  "The service holds its connections while it waits for something else, such as a slow dependency.",
	signs: "Connections are held longer while queries are as quick as before; on the server the sessions rest, none for longer than one hold.",
	unlike: []lookAlike{
		{capability.ConnectionLeak, "the sessions rest far longer than one hold"},
		{capability.IdleInTransaction, "the transactions are far older than one hold"},
		{capability.SlowQuery, "queries take longer, and the server is at work"},
		{capability.PgbouncerPoolTooSmall, "clients wait at the pooler"},
	},
	judge: judgeExternalCall,
}

// someGoOn says that requests go on to be served as quickly as before, long
// after the trouble began: what holds connections concerns some of them only.
func (v *view) someGoOn() bool {
	return v.sinceOnset() >= 1.5 && v.now.releases >= 0.3*v.before.releases && v.now.hold < 1.3*v.before.hold
}

func judgeExternalCall(v *view) *claim {
	longer := v.holdNow() / v.before.usualHold()
	resting := float64(v.resting.Count+v.inTx.Count) - zeroIfNaN(v.idle)
	oldest := math.Max(v.resting.OldestS, v.inTx.OldestS)
	if v.resting.Count <= int(zeroIfNaN(v.idle)) || v.pool && float64(v.resting.Count) < 0.1*v.now.acquired {
		oldest = v.inTx.OldestS
	}
	switch {
	case !v.pool:
		return notBecause("there are no figures of the pool")
	case !v.full():
		return notBecause("the pool has room: %.0f of %.0f in use", v.now.acquired, v.now.max)
	case longer < 1.5 && !v.stuck():
		return notBecause("connections are held as long as before: %s", seconds(v.holdNow()))
	case v.now.query >= 2*v.before.query && v.now.query-v.before.query > 0.5*(v.now.usualHold()-v.before.usualHold()):
		return notBecause("queries take longer: %s, were %s", seconds(v.now.query), seconds(v.before.query))
	case v.demandWeighsMore():
		return notBecause("first attempts grew more: %s, were %s", rate(v.now.first), rate(v.before.first))
	case v.pooler.queued():
		return notBecause("%.0f clients wait at the pooler", v.pooler.waiting)
	case v.database && v.standstill():
		return notBecause("%.0f of %.0f sessions wait for locks", v.locked, v.sessions)
	case v.database && resting < 0.5*v.now.acquired && !v.pooler.present:
		return notBecause("the server is at work: %.0f of its sessions rest, of %.0f that the pool has given out", math.Max(0, resting), v.now.acquired)
	case v.database && oldest < 1.2*v.before.usualHold() && !v.pooler.present:
		return notBecause("none of the sessions rests for longer than %s, and a hold was %s", seconds(oldest), seconds(v.before.usualHold()))
	case v.brokeOff():
		return notBecause("the sessions went quiet at one instant, %s ago", seconds(oldest))
	}

	c := &claim{}
	finished := v.now.usualHold() / v.before.usualHold()
	if finite(finished) && finished >= 1.5 {
		c.thenf("hold %s → %s, query %s", seconds(v.before.usualHold()), seconds(v.now.usualHold()), seconds(v.now.query))
		weight := 0.5
		if math.IsNaN(v.now.query) {
			weight = 0.35
		}
		c.speaksFor(weight, v.times())
	} else {
		c.thenf("connections held for more than %s", seconds(oldest))
		c.speaksFor(0.3, v.unexplained())
	}
	if v.database && !v.pooler.present {
		o := v.states(fmt.Sprintf("sessions at work for the %.0f connections that are held", v.now.acquired))
		switch {
		case finite(finished) && finished >= 1.5 && oldest <= 2.5*v.now.usualHold()+0.2 && !(oldest > v.sinceOnset()+0.5):
			c.speaksFor(0.45, o)
		case finished < 1.5 && oldest <= v.sinceOnset()+0.4 && !v.someGoOn() && v.resting.Count > 0 && v.inTx.Count > 0:
			// Nothing held long has finished yet; but all began with the
			// trouble, whatever state they are in.
			c.speaksFor(0.4, o)
		case oldest > math.Max(3*zeroIfNaN(v.now.hold), v.sinceOnset()+0.5):
			c.speaksAgainst(0.2, o)
		default:
			c.speaksFor(0.15, o)
		}
	}
	c.follows(v)
	c.actions = []capability.Remedy{
		shedBacklog(),
		byHand("breaker", "the dependency that is waited for", capability.LowRisk,
			"Open the circuit breaker on it, or switch the feature off: each call holds a connection for as long as it lasts."),
		byHand("release_before_calling", "the program", capability.LowRisk,
			"Give the connection back before calling out, and bound the call by a timeout."),
	}
	return c
}
