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
	return v.sinceOnset() >= 1.5 && v.now.releases >= 0.3*v.before.releases && v.now.hold < 1.5*v.before.hold
}

// noneComesBack says that what has been held for so long does not come back: if
// it did, finished work would have been held for longer than before, and would
// explain what is in use.
func (v *view) noneComesBack(oldest float64) bool {
	return v.sinceOnset() >= 1.5 && v.now.releases >= 0.3*v.before.releases && !(v.now.hold >= 1.5*v.before.hold) &&
		(oldest >= 10*v.now.usualHold() || finite(v.now.hold) && v.stuck() && v.now.seconds >= 2*oldest)
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
		return v.heldBySessions()
	case !v.allInUse():
		return notBecause("the pool has room: %.0f of %.0f in use", v.now.acquired, v.now.max)
	case !(longer >= 1.5) && !v.stuck():
		return notBecause("connections are held no longer: %s", v.explainedWords())
	case v.now.query >= 2*v.before.query && v.now.querying()-v.before.querying() > 0.5*(v.now.usualHold()-v.before.usualHold()):
		return notBecause("queries take longer: %s, were %s", seconds(v.now.query), seconds(v.before.query))
	case v.now.query/v.before.query >= math.Max(1.5, 0.9*longer):
		return notBecause("queries take as much longer as connections are held: %s, were %s", seconds(v.now.query), seconds(v.before.query))
	case v.demandWeighsMore():
		return notBecause("first attempts grew more: %s, were %s", rate(v.now.first), rate(v.before.first))
	case v.pooler.queued() && !v.pooler.keeps() && !(v.holdNow()-v.before.usualHold() > 3*v.pooler.longer()) && !(v.byQueries() <= 0.5):
		return notBecause("%.0f clients wait at the pooler", v.pooler.waiting)
	case v.database && v.standstill():
		return notBecause("%.0f of %.0f sessions wait for locks", v.locked, v.sessions)
	case v.database && resting < 0.5*v.now.acquired && !v.pooler.present:
		return notBecause("the server is at work: %.0f of its sessions rest, of %.0f that the pool has given out", math.Max(0, resting), v.now.acquired)
	case v.takeLong():
		return notBecause("queries take long on the server: %d sessions are active%s", v.active.Count, agedWords(v.active))
	case v.database && oldest < 1.2*v.before.usualHold() && !v.pooler.present:
		return notBecause("none of the sessions rests for longer than %s, and a hold was %s", seconds(oldest), seconds(v.before.usualHold()))
	case v.brokeOff():
		return notBecause("the sessions went quiet at one instant, %s ago", v.quietFor())
	case v.database && !v.pooler.present && v.noneComesBack(oldest):
		return notBecause("what rests for up to %s does not come back: what does was held for %s", seconds(oldest), seconds(v.now.usualHold()))
	}

	c := &claim{}
	finished := v.now.usualHold() / v.before.usualHold()
	if finite(finished) && finished >= 1.5 {
		c.thenf("hold %s → %s, query %s", seconds(v.before.usualHold()), seconds(v.now.usualHold()), seconds(v.now.query))
		weight := 0.5
		if by := v.byQueries(); by >= 0.25 || math.IsNaN(by) && !(v.now.query < 1.5*v.before.query) {
			weight = 0.35
		}
		c.speaksFor(weight, v.times())
	} else {
		c.thenf("connections held for more than %s", seconds(oldest))
		c.speaksFor(0.3, v.unexplained())
	}
	if v.database && !v.pooler.present && !math.IsNaN(oldest) {
		o := v.states(fmt.Sprintf("sessions at work for the %.0f connections that are held", v.now.acquired))
		switch {
		case finite(finished) && finished >= 1.5 && oldest <= 2.5*v.now.usualHold()+0.2 && !(oldest > v.sinceOnset()+0.5):
			c.speaksFor(0.45, o)
		case finished < 1.5 && oldest <= v.sinceOnset()+0.4 && !v.someGoOn() && v.resting.Count > 0 && v.inTx.OldestS >= 0.5*v.resting.OldestS:
			// Nothing held long has finished yet; but all began with the
			// trouble, whatever state they are in.
			c.speaksFor(0.4, o)
		case float64(v.resting.Count)-zeroIfNaN(v.idle) >= 0.8*v.now.acquired && (v.allAtOnce(v.resting) || !v.someGoOn() && oldest <= 2.5*v.now.little()+0.2):
			// Next to none is in a transaction, which a leak of some and a
			// broken network would leave.
			c.speaksFor(0.4, o)
		case oldest > math.Max(3*zeroIfNaN(v.now.hold), v.sinceOnset()+0.5):
			c.speaksAgainst(0.2, o)
		default:
			c.speaksFor(0.15, o)
		}
	}
	c.heldPastPooler(v)
	if v.pooler.keeps() {
		c.speaksFor(0.35, v.throughPooler())
	}
	switch {
	case v.slowAllOver() && math.IsNaN(v.now.query):
		c.speaksAgainst(0.3, v.slots())
	case v.allLonger():
		c.speaksAgainst(0.2, v.workAndPauses()) // a call elsewhere makes no statement longer
	}
	c.follows(v)
	c.actions = externalCallActions()
	return c
}

// heldPastPooler adds that what holds the connections does not use the pooler's.
func (c *claim) heldPastPooler(v *view) {
	if p := v.pooler.busiest; p != nil && !v.pooler.queued() && float64(p.ServersActive) <= 0.4*v.now.acquired {
		c.speaksFor(0.3, observation{
			source: pooler, query: "SHOW POOLS", at: v.poolerAt(),
			observed: fmt.Sprintf("%d server connections in use for the %.0f connections that are held, and nobody waits for one", p.ServersActive, v.now.acquired),
			expected: "about as many: who holds a connection uses it",
		})
	}
}

// heldBySessions is what the server alone shows of it: transactions that are
// open for long, and end.
func (v *view) heldBySessions() *claim {
	if !v.openAndEnd() {
		return notBecause("there are no figures of the pool")
	}
	c := &claim{actions: externalCallActions()}
	c.thenf("a transaction keeps its session %.1f times as long as before", v.workGrew())
	c.speaksFor(0.35, v.states("sessions at work in the transactions that are open"))
	c.speaksFor(0.25, v.past("as many transactions as before"))
	return c
}

// takeLong says that a good part of the sessions is at work on statements that
// take long or, where their ages are not said, at work for longer than before for
// each transaction.
func (v *view) takeLong() bool {
	if v.databaseStandsIn {
		return v.worksLonger() >= 2
	}
	return v.database && !v.pooler.present && float64(v.active.Count) >= 0.3*v.sessions && v.active.P50S >= v.usualQuery()
}

// openAndEnd says that most sessions have a transaction open and do nothing, and
// that these end: by Little's law each lasts about as long as the oldest of them
// is open.
func (v *view) openAndEnd() bool {
	t := v.traffic()
	if t == nil || float64(v.inTx.Count) < 0.5*v.sessions || !(v.workGrew() >= 2) {
		return false
	}
	each := (v.sessions - float64(v.resting.Count)) / t.CommitsRPS
	return v.inTx.OldestS <= 1.3*each && v.inTx.YoungestS <= 0.25*v.inTx.OldestS
}

func externalCallActions() []capability.Remedy {
	return []capability.Remedy{
		shedBacklog(),
		byHand("breaker", "the dependency that is waited for", capability.LowRisk,
			"Open the circuit breaker on it, or switch the feature off: each call holds a connection for as long as it lasts."),
		byHand("release_before_calling", "the program", capability.LowRisk,
			"Give the connection back before calling out, and bound the call by a timeout."),
	}
}
