package diagnose

import (
	"fmt"
	"math"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var staleHalfOpen = cause{
	id: capability.StaleHalfOpen, layer: capability.Network,
	text:  "The network between service and server went silent: both ends keep connections on which nothing arrives.",
	signs: "Sessions rest, idle and in transactions, and all went quiet at one instant; nothing finishes; later the server has more sessions than the pools.",
	unlike: []lookAlike{
		{capability.ConnectionLeak, "the ages are spread, and no session is in a transaction"},
		{capability.IdleInTransaction, "the ages are spread"},
	},
	judge: judgeHalfOpen,
}

// allAtOnce says that sessions stopped at one instant: half of them are no
// more than a hold younger than the oldest.
func (v *view) allAtOnce(s capability.SessionState) bool {
	hold := v.before.usualHold()
	if !finite(hold) || hold > 0.5 {
		hold = 0.15
	}
	return s.Count >= 3 && s.OldestS >= 0.5 && s.OldestS-s.P50S <= math.Max(0.1, 1.5*hold)
}

// brokeOff says that transactions were cut at one instant, and nobody is at
// work.
func (v *view) brokeOff() bool {
	if !v.pool && v.busier() >= 0.25 && v.inTx.P50S < 2 {
		return false // transactions go on to end
	}
	if v.databaseStandsIn { // which does not say how old the youngest is
		return v.nothingEnds() && v.inTx.OldestS >= 0.5 && float64(v.inTx.Count) >= 0.2*v.sessions && float64(v.active.Count) <= 0.2*v.sessions && !v.standstill()
	}
	return v.database && v.allAtOnce(v.inTx) && float64(v.inTx.Count) >= 0.2*v.sessions && float64(v.active.Count) <= 0.2*v.sessions && !v.standstill()
}

// allFrozen says that no session of the service has done anything for a while.
func (v *view) allFrozen() bool {
	frozen := 0
	for _, s := range v.in.Database.States {
		frozen += s.Frozen
	}
	return v.sessions >= 3 && float64(frozen) >= 0.95*v.sessions
}

// nothingEnds says that no connection is given back any more.
func (v *view) nothingEnds() bool { return v.full() && v.now.releases <= 0.01*v.before.releases }

// othersGoOn says that work is finished as quickly as ever on connections of the
// pools that do not rest: those that do were not cut off, or the others were, too.
func (v *view) othersGoOn() bool {
	return v.now.releases >= 0.1*v.before.releases && v.now.hold < 1.5*v.before.hold && v.orphans() < 0.3*v.now.max
}

// orphans is how many sessions of the service have no connection of its pools
// at their other end, and rest.
func (v *view) orphans() float64 {
	if !v.pool || !v.database || v.pooler.present {
		return 0
	}
	resting := float64(v.resting.Frozen+v.inTx.Frozen) - zeroIfNaN(v.idle) // at rest in the pools is no orphan
	return math.Min(resting, v.service(v.holders()).count-v.now.acquired-zeroIfNaN(v.idle)-v.opening)
}

// sinceOnset is how long the trouble has lasted, seconds; NaN when it is not
// known.
func (v *view) sinceOnset() float64 {
	if v.in.Pool == nil || v.in.Pool.Onset == nil {
		return math.NaN()
	}
	return asOf(v.in).Sub(*v.in.Pool.Onset).Round(time.Millisecond).Seconds()
}

func judgeHalfOpen(v *view) *claim {
	orphaned := v.orphans() >= math.Max(4, 0.3*v.now.max)
	switch {
	case !v.database:
		if !v.pool || !v.full() || v.now.releases > 0 || math.IsNaN(v.now.releases) {
			return notBecause("the sessions could not be read, and work is finished")
		}
		if v.doneShare() >= 0.75 {
			return notBecause("%d of %.0f connections in use have run their queries", *v.in.Pool.HeldDone, v.now.acquired)
		}
		c := &claim{actions: halfOpenActions()}
		c.thenf("nothing finishes any more")
		c.speaksFor(0.45, v.unexplained())
		return c
	case v.standstill():
		return notBecause("%.0f sessions wait for locks", v.locked)
	case !v.brokeOff() && !orphaned && !(v.full() && v.now.releases == 0 && v.allAtOnce(v.resting)):
		return notBecause("the sessions did not go quiet at one instant")
	case v.pool && v.now.releases*zeroIfNaN(v.now.hold) > 0.5*v.now.acquired && !orphaned && !v.allFrozen():
		return notBecause("work is finished: %.0f connections are given back per second", v.now.releases)
	}
	c := &claim{}
	c.thenf("all went quiet %s ago", seconds(math.Max(v.inTx.P50S, v.resting.P50S)))
	weight := 0.6
	if v.inTx.Count == 0 || orphaned && !v.brokeOff() {
		weight = 0.45
	}
	c.speaksFor(weight, v.states("ages spread over the time it took"))
	switch {
	case orphaned:
		c.speaksFor(0.35, observation{
			source: metrics, query: "metrics.pool: now.acquired and replicas.idle, beside the server's sessions", at: v.poolAt(),
			observed: fmt.Sprintf("the pools have %.0f connections, and the server %.0f more of them that rest", v.now.acquired+zeroIfNaN(v.idle), v.orphans()),
			expected: "as many on both sides",
		})
	case v.allFrozen() && !v.stuck():
		// What is counted as finished was, before.
		c.speaksFor(0.2, observation{
			source: database, query: sessionsSQL, at: v.databaseAt(),
			observed: fmt.Sprintf("none of %.0f sessions has changed its state for 2 s", v.sessions), expected: "most do within a hold",
		})
		if v.pool {
			c.speaksFor(0.05, v.poolUsed())
		}
	case v.pool:
		c.weigh(v.stuck(), 0.35, 0.1, v.unexplained())
	}
	c.actions = halfOpenActions()
	return c
}

func halfOpenActions() []capability.Remedy {
	return []capability.Remedy{
		restartWaves("Restart the replicas in waves: fresh connections do not wait for an answer that never comes."),
		endSessions("terminate_stale", "terminate", "the sessions that went quiet then", capability.MediumRisk,
			"Terminate them by age and client address: the server keeps them until its own keepalive ends them. Some may be alive: look at client_addr.",
			"client_addr_of_the_lost", "no_superuser_or_backup"),
		byHand("keepalives", "both ends", capability.LowRisk,
			"Set tcp_keepalives_idle and tcp_user_timeout on both ends, so that it ends by itself in seconds, and find what dropped the packets."),
	}
}
