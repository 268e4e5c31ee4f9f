package diagnose

import (
	"fmt"
	"math"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var idleTransaction = cause{
	id: capability.IdleInTransaction, layer: capability.Sessions,
	text:  "Transactions were left open: their sessions do nothing, and keep their connections.",
	signs: "A good part of the sessions is idle in a transaction, for ages far beyond a hold, and spread.",
	unlike: []lookAlike{
		{capability.AppPoolTooSmall, "many are idle in a transaction there, too, but each for a moment"},
		{capability.HeldDuringExternalCall, "none is older than one hold"},
		{capability.LockBlocking, "others wait for what they have locked"},
		{capability.StaleHalfOpen, "all went quiet at one instant"},
		{capability.ConnectionLeak, "the sessions are in no transaction"},
	},
	judge: judgeIdleInTransaction,
}

// stuckInTransaction says that a good part of the sessions has had a
// transaction open for long without working on it. Many young ones are
// ordinary: every transaction is idle between two statements.
func (v *view) stuckInTransaction() bool {
	s := v.inTx
	if s.Count < 3 || float64(s.Count) < 0.3*v.sessions {
		return false
	}
	aged := math.Max(1, v.aged())
	if v.full() && !(v.active.P50S >= 0.5*s.P50S) && (v.stuck() || float64(s.Count) >= 0.5*v.sessions && v.now.hold < 1.2*v.before.hold) {
		aged = v.aged() // the pool misses them, or what comes back is none of them
	}
	if math.IsNaN(s.P50S) { // an exporter says how old the oldest is, and no more
		return s.OldestS >= 2*aged && v.full() && v.stuck() && float64(s.Count) >= 0.5*v.now.acquired
	}
	return s.OldestS >= 2*aged && s.P50S >= aged
}

func judgeIdleInTransaction(v *view) *claim {
	s := v.inTx
	switch {
	case !v.database:
		if !v.pool || !v.full() || !v.stuck() && !(v.doneShare() >= 0.4) {
			return notBecause("the sessions could not be read, and finished work explains the connections in use")
		}
		if v.doneShare() < 0.4 || v.nothingEnds() {
			return notBecause("the sessions could not be read, and connections are held in the middle of queries")
		}
		c := &claim{actions: idleInTransactionActions()}
		c.thenf("connections are held after their queries")
		if v.doneShare() >= 0.4 {
			c.speaksFor(0.1, v.heldAfter())
		}
		weight := 0.35
		if !v.stuck() {
			weight = 0.2
		}
		c.speaksFor(weight, v.unexplained())
		return c
	case s.Count == 0:
		return notBecause("no session is idle in a transaction")
	case !v.stuckInTransaction():
		return notBecause("%d of %.0f sessions are idle in a transaction, %s: that is ordinary", s.Count, v.sessions, agesWords(s))
	case s.OldestS < v.sinceOnset()-0.5 && !(v.now.hold < 0.3*s.OldestS):
		return notBecause("they end: none is older than %s, and the trouble %s", seconds(s.OldestS), seconds(v.sinceOnset()))
	case !v.pool && v.openAndEnd():
		return notBecause("they end: none is older than %s, and %s do", seconds(s.OldestS), rate(v.traffic().CommitsRPS))
	case v.standstill() && !v.leftOpen(v.rootOfLocks()):
		return notBecause("%.0f sessions wait for locks: who blocks them matters more", v.locked)
	case v.brokeOff():
		return notBecause("all of them went quiet at one instant, %s ago: that is a broken network", v.quietFor())
	case v.pool && !v.allInUse() && !v.refused() && !v.pooler.queued():
		return notBecause("there is room: %.0f of %.0f connections of the pool in use", v.now.acquired, v.now.max)
	}

	c := &claim{}
	c.thenf("%d transactions left open for up to %s", s.Count, seconds(s.OldestS))
	weight := 0.7
	switch {
	case v.resting.Count > s.Count && v.stuck():
		weight = 0.4
	case v.databaseStandsIn:
		weight = 0.6 // it does not say whether they began at one instant
	}
	c.speaksFor(weight, observation{
		source: database, at: v.databaseAt(),
		query:    "select pid, usename, now() - xact_start as age, left(query, 80) from pg_stat_activity where state = 'idle in transaction' order by age desc",
		observed: fmt.Sprintf("%d of %.0f sessions idle in a transaction%s", s.Count, v.sessions, agedWords(s)),
		expected: "none older than a few hold times",
	})
	if v.pool && !v.pooler.queued() {
		c.weigh(v.stuck(), 0.22, 0.1, v.unexplained())
	}
	if v.pooler.queued() {
		c.speaksFor(0.22, v.poolerQueue())
	}
	switch {
	case v.slowAllOver() && float64(v.active.Count) >= 0.3*v.sessions && (v.now.query >= 2*v.before.query || !finite(v.now.query/v.before.query) && v.active.P50S >= v.usualQuery()):
		// A server that is short of CPU lets a transaction wait between two
		// statements, too.
		c.speaksAgainst(0.4, v.slots())
	case (v.letsWait() || v.allLonger()) && v.locked < 0.5*float64(v.active.Count):
		// So does one whose other sessions take long, and not for a lock.
		c.speaksAgainst(0.2, observation{
			source: database, query: activeSQL, at: v.databaseAt(),
			observed: fmt.Sprintf("%d of %.0f sessions active%s", v.active.Count, v.sessions, agedWords(v.active)), expected: "those that are not left open as quick as ever",
		})
	case v.worksLonger() >= 1.5:
		// What is not left open has more to do for each transaction, too.
		c.speaksAgainst(0.1, v.past("those that are not left open as quick as ever"))
	case v.slowAllOver():
		c.speaksAgainst(0.1, v.slots())
	}
	c.follows(v)
	c.actions = idleInTransactionActions()
	return c
}

func idleInTransactionActions() []capability.Remedy {
	return []capability.Remedy{
		endSessions("terminate_oldest", "terminate", "the oldest idle transactions", capability.MediumRisk,
			"Terminate them by pid and backend_start, oldest first, at most a fifth of the sessions at a time: their work is rolled back. The runbook idle-in-transaction does it.",
			"at_most_20_percent", "no_superuser_or_backup"),
		byHand("idle_timeout", "the role of the service", capability.LowRisk,
			"Set idle_in_transaction_session_timeout for the role, so that it cannot happen again."),
	}
}
