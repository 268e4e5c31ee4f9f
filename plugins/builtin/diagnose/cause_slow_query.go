package diagnose

import (
	"fmt"
	"math"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var slowQuery = cause{
	id: capability.SlowQuery, layer: capability.Sessions,
	text:  "Queries take longer, so connections are held longer: a lost index, a changed plan, a new statement.",
	signs: "Query time and hold time grew alike; the server's sessions are active, for longer than a query took before.",
	unlike: []lookAlike{
		{capability.LockBlocking, "the sessions wait for locks"},
		{capability.PgbouncerPoolTooSmall, "queries look slow from the service, but the server has few at work, and clients wait at the pooler"},
		{capability.HeldDuringExternalCall, "queries are as quick as before, and the sessions rest"},
		{capability.ServerOverload, "everything is slow there, opening a connection too"},
	},
	judge: judgeSlowQuery,
}

// usualQuery is how long a session may be active without being out of the
// ordinary.
func (v *view) usualQuery() float64 {
	if v.pooler.before != nil && v.pooler.before.QueryS != nil {
		return math.Max(0.1, 2*(*v.pooler.before.QueryS))
	}
	if finite(v.before.query) {
		return math.Max(0.2, 2*v.before.query)
	}
	return 0.3
}

// allSlow says that all sessions of the server are at work, and most of them on
// a statement that takes long.
func (v *view) allSlow() bool {
	return v.sessions >= 8 && float64(v.resting.Count) <= 0.02*v.sessions && float64(v.active.Count) >= 0.7*v.sessions && v.active.P50S >= math.Max(0.3, v.usualQuery())
}

// slower is by which factor queries take longer than before. Behind a pooler the
// service counts the wait there as query time, so that it is the pooler's word
// that counts, where it has a past.
func (v *view) slower() (factor float64, byPooler bool) {
	p := v.pooler
	if p.now != nil && p.before != nil && p.now.QueryS != nil && p.before.QueryS != nil {
		return *p.now.QueryS / *p.before.QueryS, true
	}
	return v.now.query / v.before.query, false
}

// heldUp is what most active sessions wait for where it is neither work nor its
// I/O, nor a lock: a standby that must confirm, a client that does not read, a
// latch inside the server. Nil: they work.
func (v *view) heldUp() *capability.Wait {
	if !v.database {
		return nil
	}
	for i, w := range v.in.Database.Waits {
		idles := w.Type == "IPC" && w.Event == "SyncRep" || w.Type == "Client" || w.Type == "LWLock" || w.Type == "BufferPin"
		if idles && w.Count >= 2 && float64(w.Count) >= 0.6*float64(v.active.Count) {
			return &v.in.Database.Waits[i]
		}
	}
	return nil
}

// notSlow says why it is not the queries; nil: it may be.
func (v *view) notSlow() *claim {
	slower, behindPooler := v.slower()
	busy := float64(v.active.Count)
	switch {
	case v.pool && finite(slower) && slower < 1.5 && !v.stuck():
		if behindPooler {
			return notBecause("queries take the server %s, as before (%s)", seconds(number(v.pooler.now.QueryS)), seconds(number(v.pooler.before.QueryS)))
		}
		return notBecause("queries take %s, as before (%s)", seconds(v.now.query), seconds(v.before.query))
	case v.demandWeighsMore():
		return notBecause("first attempts grew more: %s, were %s", rate(v.now.first), rate(v.before.first))
	case v.standstill():
		return notBecause("%.0f of %.0f sessions wait for locks", v.locked, v.sessions)
	case v.pooler.paused():
		return notBecause("the pooler is paused or disabled")
	case v.heldUp() != nil:
		w := v.heldUp()
		return notBecause("%d of %d active sessions do not work: they wait for %s %s", w.Count, v.active.Count, w.Type, w.Event)
	case v.database && busy < 0.4*v.sessions && !(behindPooler && slower >= 1.5):
		return notBecause("%.0f of %.0f sessions are active: the server is not at work on slow queries", busy, v.sessions)
	case v.pool && v.database && busy < 0.4*v.now.acquired && !v.pooler.present:
		return notBecause("the pool has %.0f connections in use, the server only %.0f active sessions", v.now.acquired, busy)
	case v.pool && !v.allInUse() && !v.pooler.poolFull():
		return notBecause("the pool has room: %.0f of %.0f in use", v.now.acquired, v.now.max)
	case v.pooler.poolFull() && v.database && v.active.P50S < v.usualQuery() && !(slower >= 1.5) && !(v.workGrew() >= 2):
		return notBecause("on the server queries are quick: half of them are younger than %s", seconds(v.active.P50S))
	case !v.pool && v.database && v.slotsShort() && v.other() != nil:
		return notBecause("another program, %s, holds the slots", v.other())
	case !v.pool && !v.database && !(slower >= 1.5):
		return notBecause("the sessions could not be read")
	case (!v.database || v.databaseStandsIn) && v.nothingEnds() && v.sinceOnset() >= 1.5:
		return notBecause("nothing ends any more: slow queries do, later")
	case v.doneShare() >= 0.75 && !(slower >= 1.5):
		return notBecause("%.0f %% of the connections in use have run their queries", 100*v.doneShare())
	case !v.pool && !(v.active.P50S >= math.Max(0.3, v.usualQuery())) && !(slower >= 1.5) && !(v.workGrew() >= 1.7 && v.noRest()):
		return notBecause("active sessions are young: half of them less than %s", seconds(v.active.P50S))
	}
	return nil
}

func judgeSlowQuery(v *view) *claim {
	if not := v.notSlow(); not != nil {
		return not
	}
	slower, behindPooler := v.slower()
	busy := float64(v.active.Count)
	c := &claim{}
	switch {
	case slower >= 1.5 && behindPooler:
		c.thenf("queries on the server %s → %s", seconds(*v.pooler.before.QueryS), seconds(*v.pooler.now.QueryS))
		c.speaksFor(0.5, observation{
			source: pooler, query: "SHOW STATS", at: v.poolerAt(),
			observed: fmt.Sprintf("a query takes the server %s, was %s", seconds(*v.pooler.now.QueryS), seconds(*v.pooler.before.QueryS)), expected: "as before",
		})
	case slower >= 1.5:
		c.thenf("queries %s → %s", seconds(v.before.query), seconds(v.now.query))
		// The longer hold must come from the queries.
		because := (v.now.querying() - v.before.querying()) / (v.now.usualHold() - v.before.usualHold())
		weight := 0.55
		if finite(because) && because < 0.6 {
			weight = 0.2
		}
		c.speaksFor(weight, v.times())
	case v.stuck():
		weight := 0.3
		switch {
		case !v.database && math.IsNaN(v.now.hold) && v.now.releases >= 0.1*v.before.releases:
			weight = 0.5 // all go on, each more slowly: the commonest cause of that
		case v.now.connects >= 2+2*zeroIfNaN(v.before.connects) && !v.database:
			weight = 0.25
		}
		c.speaksFor(weight, v.unexplained())
	case math.IsNaN(slower) && v.workGrew() >= 1.7 && float64(v.resting.Count) <= 0.05*v.sessions:
		c.thenf("a transaction keeps its session %.1f times as long as before", v.workGrew())
		weight := 0.3
		if v.workGrew() >= 3 && busy >= 0.6*v.sessions {
			weight = 0.5
		}
		c.speaksFor(weight, v.past("as many transactions as before"))
	case v.heldLonger() >= 1.5 && math.IsNaN(slower):
		c.thenf("hold %s → %s", seconds(v.before.usualHold()), seconds(v.holdNow()))
		weight := 0.4
		if !v.database {
			weight = 0.5 // nobody times the queries, and they are the commonest cause of it
		}
		c.speaksFor(weight, v.times())
	}
	if v.database {
		c.activeForLong(v, slower >= 1.5)
	}
	switch {
	case v.readsMore():
		c.thenf("%s rows read for each transaction, were %s", count(number(v.traffic().RowsPerCommit)), count(number(v.usual().RowsPerCommit)))
		c.speaksFor(0.15, v.rowsRead())
	case v.slowAllOver():
		weight := 0.2
		if v.sameWork() {
			weight = 0.35
		}
		if !v.pool {
			weight += 0.1 // nobody else says that it is the queries
		}
		c.speaksAgainst(weight, v.slots())
	case !v.database && v.connectsLate():
		c.speaksAgainst(0.1, v.beingOpened())
	case v.database && v.opensLater():
		c.speaksAgainst(0.1, v.slots())
	}
	if v.databaseStandsIn && v.allLonger() {
		c.speaksAgainst(0.2, v.workAndPauses()) // one slow statement makes no other wait
	}
	if v.letsWait() {
		c.speaksAgainst(0.1, v.states("no transaction that waits between two statements"))
	}
	c.follows(v)
	c.actions = []capability.Remedy{
		endSessions("cancel_slow", "cancel", "the statement that dominates", capability.MediumRisk,
			"Cancel that class of statement, oldest first, or bound it by statement_timeout for its role.", "same_statement"),
		shedBacklog(),
		byHand("restore_index", "the table of that statement", capability.MediumRisk,
			"Look for a dropped index or a changed plan; build an index CONCURRENTLY, since that loads the server, too."),
	}
	return c
}

// activeForLong adds how many of the sessions are at work, and for how long.
func (c *claim) activeForLong(v *view, slower bool) {
	busy := float64(v.active.Count)
	usual := v.usualQuery()
	o := observation{
		source: database, at: v.databaseAt(), query: activeSQL,
		observed: fmt.Sprintf("%d of %.0f sessions active, half of them for more than %s, %.0f wait for locks", v.active.Count, v.sessions, seconds(v.active.P50S), v.locked),
		expected: "few active at a time, each for less than " + seconds(usual),
	}
	switch {
	case v.active.P50S >= usual:
		c.thenf("%d sessions active for %s and more", v.active.Count, seconds(v.active.P50S))
		weight := 0.42
		switch other := v.other(); {
		case !v.pool:
			weight = 0.7
		case v.slotsShort() && other != nil && busy >= 1.3*v.now.acquired:
			weight = 0.2 // more than the service can have at work: they are the other program's
		}
		c.speaksFor(weight, o)
	case busy >= 0.75*v.sessions:
		// Held up by the pool, they begin in step, and may all be
		// young: their number says the same.
		c.thenf("%d of %.0f sessions active", v.active.Count, v.sessions)
		weight := 0.37
		if v.pooler.present && math.IsNaN(v.pooler.slower()) {
			weight = 0.25 // or held up by the pooler, whose past is not known
		}
		c.speaksFor(weight, o)
	default:
		c.weigh(slower || v.workGrew() >= 3, 0.2, 0.1, o)
	}
}
