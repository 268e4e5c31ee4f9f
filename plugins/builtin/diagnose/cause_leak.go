package diagnose

import (
	"fmt"
	"math"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var connectionLeak = cause{
	id: capability.ConnectionLeak, layer: capability.AppPool,
	text:  "The service takes connections out of its pool and does not give them back.",
	signs: "The pool counts connections as in use whose sessions rest, for ages that are spread; finished work explains few of them.",
	unlike: []lookAlike{
		{capability.IdleInTransaction, "the sessions are in a transaction"},
		{capability.HeldDuringExternalCall, "the sessions rest no longer than one hold, and work is finished"},
		{capability.StaleHalfOpen, "all went quiet at one instant"},
		{capability.LockBlocking, "the sessions wait for a lock"},
	},
	judge: judgeConnectionLeak,
}

// leaked is how many sessions rest of the connections that the pools have given
// out, at the least: those of other programs may all rest.
func (v *view) leaked() float64 {
	others := 0.0
	if v.database && !v.databaseStandsIn && !v.pooler.present {
		others = math.Max(0, v.sessions-v.service(v.holders()).count)
	}
	return float64(v.resting.Count) - zeroIfNaN(v.idle) - others
}

// restForGood says that a good part of the connections that the pools have given
// out rests on the server for far longer than those that come back are held.
func (v *view) restForGood() bool {
	return v.database && v.leaked() >= math.Max(3, 0.3*v.now.acquired) && v.resting.P50S >= v.aged() && v.noneComesBack(v.resting.OldestS)
}

func judgeConnectionLeak(v *view) *claim {
	switch {
	case !v.pool:
		return notBecause("there are no figures of the pool, and idle sessions alone are ordinary")
	case !v.allInUse():
		return notBecause("the pool has room: %.0f of %.0f in use", v.now.acquired, v.now.max)
	case v.databaseStandsIn && v.byLittle && v.leaked() >= 0.5*v.now.acquired:
		// Nobody says how long they have rested.
		c := &claim{actions: leakActions()}
		c.thenf("%d sessions idle, and the pools have given them out", v.resting.Count)
		c.speaksFor(0.3, v.states("no idle session that the pool has given out"))
		return c
	case v.now.hold >= 2*v.before.hold && v.now.releases >= 0.05*v.before.releases:
		return notBecause("connections come back, after %s", seconds(v.now.hold))
	case !v.stuck() && !v.restForGood() && !(v.doneShare() >= 0.4):
		return notBecause("%s", v.explainedWords())
	}

	c := &claim{}
	idle := v.resting
	unexplained := 0.45
	if !v.stuck() {
		unexplained = 0.2
	}
	if !v.database {
		switch done := v.doneShare(); {
		case done < 0.4:
			return notBecause("the connections in use are in the middle of queries: %d of %.0f have run theirs", *v.in.Pool.HeldDone, v.now.acquired)
		case v.nothingEnds():
			return notBecause("nothing is finished any more: what leaks leaves the others alone")
		case math.IsNaN(v.now.hold):
			unexplained = 0.35
		case done >= 0.4:
			c.speaksFor(0.1, v.heldAfter())
			unexplained = math.Min(unexplained, 0.4) // transactions left open show the same
		case v.someGoOn():
			unexplained = 0.5 // what comes back is as quick as ever: it is not all that is slow
		default:
			unexplained = 0.4
		}
	}
	if v.database {
		leaked := v.leaked()
		switch {
		case v.standstill():
			return notBecause("%.0f of %.0f sessions wait for a lock", v.locked, v.sessions)
		case leaked < 0.3*v.now.acquired:
			return notBecause("%d sessions are idle, of %.0f that the pool has given out", idle.Count, v.now.acquired)
		case v.allAtOnce(idle) && float64(idle.Count) >= 0.6*v.sessions && !v.othersGoOn() || v.brokeOff():
			return notBecause("the sessions went quiet at one instant, %s ago: that is a broken network, not a leak", v.quietFor())
		case idle.OldestS < v.sinceOnset()-0.5 && !v.noneComesBack(idle.OldestS):
			return notBecause("they come back: none has rested for longer than %s, and the pool has been short for %s", seconds(idle.OldestS), seconds(v.sinceOnset()))
		case idle.OldestS < v.aged() || idle.OldestS <= 1.3*zeroIfNaN(v.now.hold):
			return notBecause("the idle sessions are young: none has rested for more than %s", seconds(idle.OldestS))
		}
		c.thenf("%d sessions idle%s, not given back", idle.Count, agedWords(idle))
		weight := 0.45
		if math.IsNaN(idle.OldestS) {
			weight = 0.1 // how long they have rested is not said
			if math.IsNaN(v.now.hold) {
				unexplained = 0.3 // nor how long what comes back was held
			}
		}
		if v.sinceOnset() > 0 && idle.OldestS < v.sinceOnset()+0.2 && !v.someGoOn() || float64(v.inTx.Count) > 0.3*leaked && !v.someGoOn() {
			weight = 0.15 // they began with the trouble, or do not rest alone
		}
		c.speaksFor(weight, observation{
			source: database, at: v.databaseAt(),
			query:    "select pid, now() - state_change as age from pg_stat_activity where state = 'idle' order by age desc",
			observed: fmt.Sprintf("%d sessions idle%s, while the pool counts %.0f in use", idle.Count, agedWords(idle), v.now.acquired),
			expected: "no idle session that the pool has given out",
		})
	}
	c.speaksFor(unexplained, v.unexplained())
	if v.now.query < 1.5*v.before.query {
		c.speaksFor(0.05, v.times())
	}
	if v.now.connects >= 2+2*zeroIfNaN(v.before.connects) {
		c.speaksAgainst(0.1, observation{
			source: metrics, query: "metrics.pool: now.connects_rps", at: v.poolAt(),
			observed: fmt.Sprintf("%.0f connections opened per second", v.now.connects), expected: "none: what leaks is not broken",
		})
	}
	c.follows(v)
	c.actions = leakActions()
	return c
}

func leakActions() []capability.Remedy {
	return []capability.Remedy{
		restartWaves("Restart the replicas in waves: that gives the connections back, until the leak has filled the pools again."),
		{
			ID: "rollback_release", Kind: "revert", Target: "the version that leaks", Risk: capability.LowRisk, Reversible: true, Approval: capability.OneClick,
			Text: "Roll the release back: only that ends it.", Verify: afterwards(),
		},
	}
}
