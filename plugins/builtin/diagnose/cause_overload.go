package diagnose

import (
	"fmt"
	"math"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var serverOverload = cause{
	id: capability.ServerOverload, layer: capability.Sessions,
	text:  "The server itself is out of CPU, memory or I/O: all that it does is slow.",
	signs: "Most sessions are active, queries take longer, and so does opening a connection.",
	unlike: []lookAlike{
		{capability.SlowQuery, "one statement is slow, and a fresh connection is as quick as ever"},
		{capability.SlowConnectAuth, "only opening is slow; queries are as quick as ever"},
	},
	judge: judgeOverload,
}

const (
	// slowToOpen is how long a fresh connection may take, milliseconds, before
	// it says something of the server.
	slowToOpen = 250
	// leastToOpen is the same where it is known how long one took before, and
	// it takes six times as long. mostUsual bounds what counts as usual: ours
	// may have been opened in trouble, too.
	leastToOpen = 80
	mostUsual   = 50
)

// opensLate says that a fresh connection takes far longer than ours did when it
// was opened or, where that is not known, long.
func (v *view) opensLate() bool {
	c := v.in.Database.Connect
	if c.UsualMS == nil {
		return c.MS >= slowToOpen
	}
	return c.MS >= math.Max(leastToOpen, 6*math.Min(mostUsual, *c.UsualMS))
}

// opensLater says that a fresh connection takes long, and it is not known whether
// it did before: ours was opened in trouble, too.
func (v *view) opensLater() bool {
	c := v.in.Database.Connect
	return !v.opensLate() && c.MS >= leastToOpen && c.SQLState == "" && (c.UsualMS == nil || *c.UsualMS > mostUsual)
}

// letsWait says that transactions wait between two statements, and go on later:
// a server that is short of CPU does not come to read the next one.
func (v *view) letsWait() bool {
	return v.database && float64(v.inTx.Count) >= 0.15*v.sessions && v.inTx.P50S >= math.Max(0.3, 3*v.before.usualHold()) && v.active.P50S >= v.usualQuery() && float64(v.active.Count) >= 0.3*v.sessions
}

// slowAllOver says that opening a connection, which reads nothing, is slow, too.
func (v *view) slowAllOver() bool {
	return v.database && v.opensLate() && v.in.Database.Connect.SQLState == "" && !v.opensMore()
}

// doesLess says that transactions keep their sessions longer, and fewer end.
func (v *view) doesLess() bool { return v.workGrew() >= 1.5 && v.busier() <= 0.8 }

// servesLess says the same of the service's requests, where the server's
// transactions could not be counted, nor its queries timed.
func (v *view) servesLess() bool {
	return v.traffic() == nil && v.pool && v.active.Count >= 2 && math.IsNaN(v.now.query) && v.full() && v.heldLonger() >= 3 && v.now.releases <= 0.5*v.before.releases
}

// sameWork says that a transaction reads about as many rows as before.
func (v *view) sameWork() bool {
	t := v.traffic()
	return t != nil && number(t.RowsPerCommit) < 1.5*number(v.usual().RowsPerCommit)
}

// readsMore says that a transaction reads far more rows than before: it is the
// statements that changed, and what they load the server with is theirs.
func (v *view) readsMore() bool {
	t := v.traffic()
	return t != nil && number(t.RowsPerCommit) >= 2*number(v.usual().RowsPerCommit)
}

// rowsRead is how many rows a transaction reads, and did before.
func (v *view) rowsRead() observation {
	return observation{
		source: database, at: v.databaseAt(),
		query:    "select (tup_returned + tup_fetched) / xact_commit from pg_stat_database where datname = current_database() -- of what was added between two readings",
		observed: fmt.Sprintf("%s rows read for each transaction, were %s", count(number(v.traffic().RowsPerCommit)), count(number(v.usual().RowsPerCommit))),
		expected: "as before",
	}
}

// count writes a number for people.
func count(n float64) string {
	if n >= 10 {
		return fmt.Sprintf("%.0f", n)
	}
	return fmt.Sprintf("%.1f", n)
}

// connectsLate says that opening a connection takes far longer than before, by
// the service's own word.
func (v *view) connectsLate() bool {
	return 1000*v.now.connect >= leastToOpen && v.now.connect >= 3*zeroIfNaN(v.before.connect)
}

// overloadUnread is what the service shows of it, and exporters: all that is
// finished takes longer.
func (v *view) overloadUnread() *claim {
	if !v.pool || !v.full() || !v.takesLonger() || v.nothingEnds() || v.demandWeighsMore() {
		return notBecause("the server could not be read, and what is finished takes as long as before")
	}
	c := &claim{actions: overloadActions()}
	if v.now.query >= 1.5*v.before.query {
		c.thenf("queries %s → %s, and nobody says whether one statement or all", seconds(v.before.query), seconds(v.now.query))
		c.speaksFor(0.3, v.times())
	} else {
		c.thenf("hold %s → %s, and nobody says in what", seconds(v.before.usualHold()), seconds(v.holdNow()))
		c.speaksFor(0.25, v.times())
	}
	if v.connectsLate() {
		c.speaksFor(0.25, v.beingOpened())
	}
	if v.allLonger() {
		c.speaksFor(0.3, v.workAndPauses())
	}
	return c
}

// allLonger says that a transaction keeps the server at work far longer than
// before, and that far longer passes between two of its statements, too.
func (v *view) allLonger() bool { return v.worksLonger() >= 2 && v.pausesLonger() >= 2 }

// workAndPauses are both, beside those of before.
func (v *view) workAndPauses() observation {
	t, u := v.traffic(), v.usual()
	return observation{
		source: database, query: sessionsSQL + "; " + commitsSQL, at: v.databaseAt(),
		observed: fmt.Sprintf("%d sessions active and %d between two statements for %s transactions; were %.0f of both for %s",
			v.active.Count, v.inTx.Count, rate(t.CommitsRPS), whole(u.Sessions)-whole(u.Resting), rate(u.CommitsRPS)),
		expected: "as many of both for as many transactions",
	}
}

// worksLonger is by which factor a transaction keeps the server at work longer
// than before, at the least: now by the sessions that are active, before by all
// that did not rest. pausesLonger is the same of the time between two statements.
func (v *view) worksLonger() float64 { return v.grewOfMany(v.active.Count) }

func (v *view) pausesLonger() float64 { return v.grewOfMany(v.inTx.Count) }

// grewOfMany is grewTo where there are enough sessions: few are chance.
func (v *view) grewOfMany(sessions int) float64 {
	if sessions < 4 {
		return math.NaN()
	}
	return v.grewTo(float64(sessions))
}

func judgeOverload(v *view) *claim {
	slower := v.now.query / v.before.query
	switch {
	case !v.database, math.IsNaN(v.in.Database.Connect.MS): // nobody of ours was there
		return v.overloadUnread()
	case v.standstill():
		return notBecause("%.0f of %.0f sessions wait for locks", v.locked, v.sessions)
	case v.in.Database.Connect.SQLState != "":
		return notBecause("how quick a fresh connection would be is not known: it is refused")
	case !v.opensLate() && (!v.opensLater() || !v.letsWait() && !v.allLonger()):
		return notBecause("a fresh connection fared as ever: %s", connectWords(v.in.Database.Connect))
	case v.sessions < 4 || float64(v.active.Count) < 0.5*v.sessions && !v.doesLess() && !v.servesLess():
		return notBecause("%d of %.0f sessions are active", v.active.Count, v.sessions)
	case slower < 1.5 && !v.opensLate():
		return notBecause("queries take %s, as before (%s)", seconds(v.now.query), seconds(v.before.query))
	case v.slotsShort() && v.other() != nil:
		return notBecause("another program, %s, holds slots that are short", v.other())
	case v.opensMore():
		return notBecause("the service tries to open %s, and that would not go so fast", rate(v.now.connects))
	case !(slower >= 1.5) && !v.doesLess() && !v.servesLess() && v.active.P50S < math.Max(0.3, v.usualQuery()):
		return notBecause("%d sessions are active, %s", v.active.Count, agesWords(v.active))
	}
	c := &claim{}
	c.thenf("%d sessions active, a fresh connection takes %.0f ms", v.active.Count, v.in.Database.Connect.MS)
	weight := 0.45
	switch {
	case !v.opensLate():
		weight = 0.3
	case !v.pool:
		weight = 0.6
	}
	c.speaksFor(weight, observation{
		source: database, query: activeSQL, at: v.databaseAt(),
		observed: fmt.Sprintf("%d of %.0f sessions active, half of them for more than %s; a fresh connection: %s", v.active.Count, v.sessions, seconds(v.active.P50S), connectWords(v.in.Database.Connect)),
		expected: "few active at a time, and a connection within milliseconds",
	})
	if slower >= 1.5 || v.heldLonger() >= 2 {
		c.speaksFor(0.15, v.times())
	}
	if v.doesLess() {
		weight := 0.1
		if v.sameWork() {
			weight = 0.25 // what is slow reads no more than it did
		}
		c.speaksFor(weight, v.past("as many transactions as before, each as quick"))
	}
	switch {
	case v.letsWait():
		c.speaksFor(0.15, v.states("no transaction that waits between two statements"))
	case v.allLonger():
		c.speaksFor(0.15, v.workAndPauses())
	}
	if v.readsMore() {
		c.speaksAgainst(0.3, v.rowsRead())
	}
	c.actions = overloadActions()
	return c
}

func overloadActions() []capability.Remedy {
	return []capability.Remedy{
		shedBacklog(),
		byHand("find_the_load", "the server", capability.MediumRisk,
			"Look at its CPU, run queue, I/O and swap, and end or move what loads it. More connections make it slower, not faster."),
	}
}
