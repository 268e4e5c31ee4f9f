package diagnose

import (
	"math"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	inTransaction = "idle in transaction"
	aborted       = "idle in transaction (aborted)"
	idleSession   = "idle"
	activeSession = "active"
)

// view is the inputs, read once: figures that several causes need. What is
// not known is NaN, and every comparison with it is false.
type view struct {
	in capability.DiagnoseInput

	pool     bool    // there are figures of a pool
	now      figures // of the pool
	before   figures // of the same before the trouble
	baseline bool
	byLittle bool    // now.hold is Little's law's, which counts what never comes back, too
	idle     float64 // connections of the pools that are at rest
	opening  float64 // and that are being opened

	database bool
	usable   float64 // slots that ordinary logins may use
	sessions float64 // of the application's database
	locked   float64 // sessions that wait for a lock
	active   capability.SessionState
	inTx     capability.SessionState // idle in transaction, aborted ones included
	resting  capability.SessionState // idle

	pooler poolerView

	databaseStandsIn bool // what is of the database or pooler comes from an exporter
	poolerStandsIn   bool
	refusal          capability.Connect // how our own login was turned away, where that is all that is known
}

// figures are those of one window.
type figures struct {
	seconds           float64 // how long it is
	max, acquired     float64
	waiting, timeouts float64
	acquireP99        float64
	acquire           float64 // mean wait for a connection, seconds
	hold, query       float64 // seconds, of what was finished
	first             float64 // first attempts per second
	offered           float64
	releases          float64 // connections given back per second
	connects          float64 // connections opened, or tried to open, per second
	errors            float64 // share of requests that failed
	opening           float64 // most connections being opened at once
	connect           float64 // seconds that opening one takes
	queries           float64 // finished per second
	served, failed    float64 // seconds, of requests: beside their wait, and until they failed
}

func newView(in capability.DiagnoseInput) *view {
	nan := math.NaN()
	v := &view{in: in, idle: nan, usable: nan, sessions: nan, locked: nan}
	if d := in.Database; d != nil && d.Unread {
		v.refusal, v.in.Database = d.Connect, nil
	}
	if v.in.Database == nil {
		v.in.Database = exportedDatabase(in.Pool)
		v.databaseStandsIn = v.in.Database != nil
	}
	if v.in.Pooler == nil {
		v.in.Pooler = exportedPooler(in.Pool)
		v.poolerStandsIn = v.in.Pooler != nil
	}
	v.readPool(in.Pool)
	v.readDatabase(v.in.Database)
	v.pooler = readPooler(v.in.Pooler)
	v.holdsByRequests()
	return v
}

func (v *view) readPool(p *capability.PoolOutput) {
	var now, before capability.Window
	if p != nil {
		now = p.Now
		v.pool = now.Max != nil && now.Acquired != nil && *now.Max > 0
		if p.Baseline != nil {
			v.baseline, before = true, *p.Baseline
		}
		for i, r := range p.Replicas {
			if i == 0 {
				v.idle = 0
			}
			v.idle += float64(r.Idle)
			v.opening += float64(r.Constructing)
		}
	}
	v.now, v.before = figuresOf(now), figuresOf(before)
}

// holdsByRequests takes what a request does beside waiting for the time that a
// connection is held, where nobody measures that and it was so before: then as
// many were in use as Little's law makes of it.
func (v *view) holdsByRequests() {
	usual := v.before.served / v.before.little()
	if finite(v.now.hold) || finite(v.before.hold) || !(usual >= 0.7 && usual <= 1.4) {
		return
	}
	v.before.hold = v.before.served
	switch longer := v.now.served / v.before.served; {
	case longer >= 1.5 && v.someStayOpen():
		// Not all take longer, and nobody says how long those do that end.
	case longer >= 1.5: // all take longer, and it is Little's law that says how long
		v.now.hold, v.byLittle = math.Max(v.before.served, (v.now.acquired-v.outOfTurn())/v.now.releases), true
	case longer > 0: // where waits grow fast it comes out too short
		v.now.hold = math.Max(v.before.served, v.now.served)
	}
}

// someStayOpen says that most connections are in transactions which rest, and
// that one of these is far older than they would be if all took as long, where
// nobody says how old each is. What requests took does not agree with Little's
// law then: if it does, one old transaction is somebody else's.
func (v *view) someStayOpen() bool {
	agree := v.now.served / v.now.little()
	return v.databaseStandsIn && !(agree >= 0.7 && agree <= 1.4) && float64(v.inTx.Count) >= 0.5*v.now.acquired && v.inTx.OldestS >= 5*v.now.little()
}

// outOfTurn is how many of the connections that the pools have given out rest on
// the server for so long that they are none of those that come and go: these
// come back several times meanwhile. Counted among them, they would make out
// that all are held for longer.
func (v *view) outOfTurn() float64 {
	if !v.database || v.pooler.present || v.resting.OldestS < v.sinceOnset()-0.5 || !(capability.FrozenAfter.Seconds() >= 3*v.now.little()) {
		return 0
	}
	// Other programs' sessions rest, too, under the same login even, and so do
	// connections that no pool has given out.
	s := v.service(v.holders())
	return math.Max(0, math.Min(float64(v.resting.Frozen), s.frozen)-math.Max(zeroIfNaN(v.idle), s.count-v.now.acquired))
}

func figuresOf(w capability.Window) figures {
	f := figures{
		seconds: w.To.Sub(w.From).Seconds(),
		max:     whole(w.Max), acquired: whole(w.Acquired), waiting: whole(w.Waiting), timeouts: whole(w.Timeouts),
		acquireP99: number(w.AcquireP99S), acquire: number(w.AcquireS), hold: number(w.HoldS), query: number(w.QueryS),
		offered: number(w.OfferedRPS), releases: number(w.ReleasesRPS), connects: number(w.ConnectsRPS), errors: number(w.ErrorRate),
		opening: whole(w.Opening), connect: number(w.ConnectS), queries: number(w.QueriesRPS),
		served: number(w.ServedS), failed: number(w.FailedS),
	}
	f.first = demandRate(w)
	if math.IsNaN(f.releases) && f.seconds > 0 && w.Requests > 0 {
		// What was served has given its connection back.
		f.releases = float64(w.Requests) * (1 - zeroIfNaN(f.errors)) / f.seconds
	}
	return f
}

// demandRate is the rate of requests that are no retry. Where those are not
// counted apart, all attempts stand for them only while nobody was turned
// away, for then nobody had a reason to come again.
func demandRate(w capability.Window) float64 {
	if w.FirstAttemptsRPS != nil {
		return *w.FirstAttemptsRPS
	}
	if w.OfferedRPS != nil && (w.Timeouts == nil || *w.Timeouts == 0) && (w.ErrorRate == nil || *w.ErrorRate < 0.01) {
		return *w.OfferedRPS
	}
	return math.NaN()
}

func (v *view) readDatabase(d *capability.ConnectionsOutput) {
	if d == nil {
		return
	}
	v.database = true
	v.usable = float64(d.Limits.Max) - float64(d.Limits.Reserved) - float64(d.Limits.Superuser)
	v.sessions, v.locked = 0, 0
	for _, s := range d.States {
		v.sessions += float64(s.Count)
		switch s.State {
		case activeSession:
			v.active = s
		case idleSession:
			v.resting = s
		case inTransaction, aborted:
			if s.Count > v.inTx.Count { // ages of the larger part stand for both
				s.Count, v.inTx.Count = s.Count+v.inTx.Count, 0
				v.inTx = s
			} else {
				v.inTx.Count += s.Count
			}
		}
	}
	for _, w := range d.Waits {
		if w.Type == "Lock" {
			v.locked += float64(w.Count)
		}
	}
}

// full says that (nearly) every connection of the pool is in use, or will be
// in a moment: it is being opened, and opening succeeds. Each replica has a
// pool of its own: that of some is used up, and requests wait there, however
// the others fare.
func (v *view) full() bool {
	return v.pool && (v.now.acquired+v.soonOpen() >= 0.9*v.now.max || v.someFull() && v.queued())
}

// allInUse says that the service uses every connection that it can get: its
// pools are full, or something else keeps them from growing and none is at rest.
func (v *view) allInUse() bool {
	return v.full() || v.cannotOpen() && v.now.acquired >= 3 && v.idle <= 0.1*v.now.acquired
}

// someFull says that the pools of a good part of the replicas are used up.
func (v *view) someFull() bool {
	full, all := 0.0, float64(len(v.in.Pool.Replicas))
	for _, r := range v.in.Pool.Replicas {
		if r.Max > 0 && r.Acquired >= r.Max {
			full++
		}
	}
	return full >= 0.4*all && v.now.acquired >= 0.6*v.now.max
}

// soonOpen is how many connections are being opened that will be in use in a
// moment: not those that a server refuses or keeps waiting.
func (v *view) soonOpen() float64 {
	if v.opening == 0 || v.failsByOpening() || v.refused() || v.limitReached() != nil || v.pooler.clientsFull() || v.opensSlowly() {
		return 0
	}
	return math.Min(v.opening, zeroIfNaN(v.now.connects)*v.now.seconds)
}

// cannotOpen says that connections are wanted and do not come about: the pool
// is not at its size, has none at rest, and yet requests wait or fail.
func (v *view) cannotOpen() bool {
	switch {
	case !v.pool || v.full():
		return false
	case v.lostTouch():
		return true
	case v.failsByOpening() && v.now.acquired+v.idle < 0.9*v.now.max:
		return true
	case v.failing() && v.lostMost():
		return true
	case v.idle > math.Max(1, 0.1*v.now.max) && !v.someStarve():
		return false
	}
	return v.queued() || v.failing() && (v.now.connects >= 5 || v.opening > 0 || math.IsNaN(v.now.connects) || v.meetsRefusals())
}

// lostTouch says that a service that does not count what fails has no connection
// left though it had, and that the server hears next to nothing of it any more.
func (v *view) lostTouch() bool {
	return v.pool && math.IsNaN(v.now.errors) && v.hasNone() && v.database && !v.databaseStandsIn &&
		(v.before.acquired >= 3 || v.now.releases > 0 && whole(v.usual().Sessions) >= 3) && v.sessions <= 0.1*whole(v.usual().Sessions) && v.busier() <= 0.1
}

// lostMost says that the service has far fewer connections than it used.
func (v *view) lostMost() bool {
	return v.before.acquired >= 3 && v.now.acquired+zeroIfNaN(v.idle) <= 0.5*v.before.acquired
}

// hasNone says that the service has no connection at all.
func (v *view) hasNone() bool { return v.pool && v.now.acquired+zeroIfNaN(v.idle) == 0 }

// refusedUnsaid says that connections cannot be opened, some are left, and nobody
// says why: neither what was refused nor by whom.
func (v *view) refusedUnsaid() bool {
	return !v.database && v.cannotOpen() && !v.hasNone() && !v.meetsRefusals() && v.met(awayErrors) == 0 && v.refusal == (capability.Connect{}) && !v.morePools() && !v.takesLong()
}

// refusedFast says that requests fail within a millisecond. PostgreSQL starts a
// process for whoever connects before it can refuse, and takes longer; a pooler
// answers out of its loop, and one's own machine without sending anything.
func (v *view) refusedFast() bool { return v.failing() && v.now.failed < 0.001 }

// failsByOpening says that the service tries to open connections about as often
// as its requests fail: one fails for the other.
func (v *view) failsByOpening() bool {
	return v.failing() && v.now.connects >= math.Max(5, 3*zeroIfNaN(v.before.connects)) && v.now.connects >= 0.5*v.now.errors*v.now.offered
}

// opensMore says that the service tries to open more connections than it could
// if each took it as long as a fresh one of our own did, by Little's law: ours
// was slow for a reason that is not the service's.
func (v *view) opensMore() bool {
	return v.database && v.now.connects*v.in.Database.Connect.MS/1000 > 2*v.now.max
}

// someStarve says that a good part of the replicas has no connection at rest
// and has not got all that it may have, however the others fare.
func (v *view) someStarve() bool {
	starving, all := 0.0, float64(len(v.in.Pool.Replicas))
	for _, r := range v.in.Pool.Replicas {
		if r.Idle == 0 && float64(r.Acquired) < 0.9*float64(r.Max) {
			starving++
		}
	}
	return all >= 3 && starving >= 0.25*all
}

// failing says that more requests fail than did.
func (v *view) failing() bool { return v.now.errors >= 0.03+2*zeroIfNaN(v.before.errors) }

// opensSlowly says that it is the opening of connections that takes long: a
// fresh one of our own did, too.
func (v *view) opensSlowly() bool {
	return v.database && v.in.Database.Connect.MS >= 1000 && v.in.Database.Connect.SQLState == "" && !v.opensMore()
}

// opensWanted says that somebody needs a connection to be opened, as far as the
// service says: how ours fared matters to nobody where all have theirs.
func (v *view) opensWanted() bool {
	return !v.pool || v.queued() || v.failing() || v.opening > 0
}

// queued says that requests wait for a connection as they should not. Where
// the past is known and the wait is not out of the ordinary, a moment's queue
// is none.
func (v *view) queued() bool {
	if v.now.timeouts > 0 {
		return true
	}
	least, long := math.Max(3, 0.05*zeroIfNaN(v.now.max)), 0.1
	if v.baseline && v.in.Pool.Onset == nil {
		least, long = math.Max(10, 0.3*zeroIfNaN(v.now.max)), 0.5
	}
	usual := zeroIfNaN(v.before.waiting)
	return v.now.waiting >= math.Max(least, 2*usual) || v.now.acquireP99 >= math.Max(long, 2*zeroIfNaN(v.before.acquireP99)) ||
		v.now.acquire >= math.Max(long/2, 3*zeroIfNaN(v.before.acquire))
}

// refused says that the server has no slot for an ordinary login.
func (v *view) refused() bool {
	if !v.database {
		return v.turnedAway()
	}
	c := v.in.Database.Connect
	return v.in.Database.Free <= 0 || c.SQLState == tooManyConnections && namedLimit(c.Text) == ""
}

// standstill says that a good part of the sessions waits for locks.
func (v *view) standstill() bool { return v.locked >= math.Max(2, 0.2*v.sessions) }

// trouble says that there is something to explain.
func (v *view) trouble() bool {
	return v.queued() || v.cannotOpen() || v.refused() || v.standstill() || v.stuckInTransaction() ||
		v.pooler.queued() || v.pooler.clientsFull() || v.connectBroken() || v.opensSlowly() && v.opensWanted() || v.limitPinches() || v.brokeOff() || v.slotsShort() || v.failing() && (v.pastPools() || v.now.connects >= 5 || v.met(slotErrors) > 0) ||
		v.turnedAway() || v.refusedElsewhere() || v.refusesWrites() ||
		!v.pool && (v.allBusy() || v.allSlow() || v.noRest() && !v.isQuicker() || v.beginsOften())
}

// stuck says that the connections in use are held far longer than what was
// finished explains: by Little's law, in use = releases x hold.
func (v *view) stuck() bool {
	if v.now.acquired < 3 {
		return false
	}
	if finite(v.now.hold) || v.now.releases == 0 {
		return v.now.releases*zeroIfNaN(v.now.hold) < 0.6*v.now.acquired
	}
	return v.heldLonger() >= 1.7 // hold times are not measured: compared with the past
}

// heldLonger is by which factor a connection is held longer than before, by
// Little's law; infinite when none is given back.
func (v *view) heldLonger() float64 { return v.now.little() / v.before.usualHold() }

// little is how long a connection is held by Little's law.
func (f figures) little() float64 { return f.acquired / f.releases }

// querying is how long of a hold is spent in queries: as many of them as are
// finished for each connection that is given back.
func (f figures) querying() float64 {
	if each := f.queries / f.releases; each > 1 && finite(each) {
		return each * f.query
	}
	return f.query
}

// byQueries is which share of the longer hold the queries account for; NaN where
// it is not said how many of them each hold runs.
func (v *view) byQueries() float64 {
	if !finite(v.now.queries) || !finite(v.before.queries) {
		return math.NaN()
	}
	return (v.now.querying() - v.before.querying()) / (v.now.usualHold() - v.before.usualHold())
}

// usualHold is how long a connection is held, as measured or by Little's law.
func (f figures) usualHold() float64 {
	if finite(f.hold) {
		return f.hold
	}
	return f.little()
}

// holdNow is how long a connection is held, by what was finished and by what
// was not: in a slow-down the slow ones finish last.
func (v *view) holdNow() float64 {
	if byLittle := v.now.little(); v.full() && finite(byLittle) {
		return math.Max(zeroIfNaN(v.now.hold), byLittle)
	}
	return v.now.hold
}

// takesLonger says that what is finished took longer than before: its queries or,
// where those are not timed, the time that a connection was held.
func (v *view) takesLonger() bool {
	if slower := v.now.query / v.before.query; finite(slower) {
		return slower >= 1.5
	}
	if finite(v.now.hold) && v.stuck() {
		return v.now.hold >= 1.5*v.before.hold
	}
	return v.heldLonger() >= 1.5
}

// isQuicker says that the server does as much as before, with fewer sessions
// that do not rest: that is no trouble.
func (v *view) isQuicker() bool { return v.busier() >= 0.97 && v.busier() < 1.2 && v.fewer() > 1 }

// aged is how old a session's state must be to be out of the ordinary: several
// holds, where they are known.
func (v *view) aged() float64 {
	hold := v.before.usualHold()
	if !finite(hold) {
		hold = v.now.hold
	}
	if !finite(hold) {
		return 1
	}
	return math.Max(0.3, 4*hold)
}

// refusedElsewhere says that our own login or the service is told that the
// server goes, comes or only reads, or that a limit is used up.
func (v *view) refusedElsewhere() bool {
	return slices.Contains(awayStates, v.refusal.SQLState) || v.unreachable() && (v.cannotOpen() || !v.pool || v.hasNone()) || v.elsewhere() || v.refusal.SQLState == tooManyConnections ||
		v.failing() && (v.met(awayErrors) > 0 || v.met(poolerErrors) > 0)
}

// young is which share of the service's sessions was opened of late.
func (v *view) young() float64 {
	if !v.database || v.sessions == 0 {
		return 0
	}
	return float64(v.in.Database.Backends.Young) / v.sessions
}

// onset is when the trouble began, as far as anybody says; the newest
// observation otherwise.
func (v *view) onset() time.Time {
	switch {
	case v.in.Pool != nil && v.in.Pool.Onset != nil:
		return *v.in.Pool.Onset
	case v.in.Pooler != nil && v.in.Pooler.Onset != nil:
		return *v.in.Pooler.Onset
	default:
		return asOf(v.in)
	}
}

func whole(p *int) float64 {
	if p == nil {
		return math.NaN()
	}
	return float64(*p)
}

func number(p *float64) float64 {
	if p == nil || !finite(*p) {
		return math.NaN()
	}
	return *p
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

func zeroIfNaN(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return f
}

func optional(f float64) *float64 {
	if !finite(f) {
		return nil
	}
	return &f
}
