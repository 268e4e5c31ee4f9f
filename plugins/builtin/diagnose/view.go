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
	hold, query       float64 // seconds, of what was finished
	first             float64 // first attempts per second
	offered           float64
	releases          float64 // connections given back per second
	connects          float64 // connections opened, or tried to open, per second
	errors            float64 // share of requests that failed
	opening           float64 // most connections being opened at once
	connect           float64 // seconds that opening one takes
	queries           float64 // finished per second
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

func figuresOf(w capability.Window) figures {
	f := figures{
		seconds: w.To.Sub(w.From).Seconds(),
		max:     whole(w.Max), acquired: whole(w.Acquired), waiting: whole(w.Waiting), timeouts: whole(w.Timeouts),
		acquireP99: number(w.AcquireP99S), hold: number(w.HoldS), query: number(w.QueryS),
		offered: number(w.OfferedRPS), releases: number(w.ReleasesRPS), connects: number(w.ConnectsRPS), errors: number(w.ErrorRate),
		opening: whole(w.Opening), connect: number(w.ConnectS), queries: number(w.QueriesRPS),
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
// in a moment: it is being opened, and opening succeeds.
func (v *view) full() bool {
	return v.pool && v.now.acquired+v.soonOpen() >= 0.9*v.now.max
}

// soonOpen is how many connections are being opened that will be in use in a
// moment: not those that a server refuses or keeps waiting.
func (v *view) soonOpen() float64 {
	if v.opening == 0 || v.refused() || v.limitReached() != nil || v.pooler.clientsFull() || v.opensSlowly() {
		return 0
	}
	return math.Min(v.opening, zeroIfNaN(v.now.connects)*v.now.seconds)
}

// cannotOpen says that connections are wanted and do not come about: the pool
// is not at its size, has none at rest, and yet requests wait or fail.
func (v *view) cannotOpen() bool {
	if !v.pool || v.full() || v.idle > math.Max(1, 0.1*v.now.max) && !v.someStarve() {
		return false
	}
	return v.queued() || v.failing() && (v.now.connects >= 5 || v.opening > 0 || math.IsNaN(v.now.connects))
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
	return v.database && v.in.Database.Connect.MS >= 1000 && v.in.Database.Connect.SQLState == ""
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
	return v.now.waiting >= math.Max(least, 2*usual) || v.now.acquireP99 >= math.Max(long, 2*zeroIfNaN(v.before.acquireP99))
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
		v.pooler.queued() || v.pooler.clientsFull() || v.connectBroken() || v.opensSlowly() || v.limitPinches() || v.brokeOff() || v.slotsShort() || v.failing() && (v.pastPools() || v.now.connects >= 5 || v.met(slotErrors) > 0) ||
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
	return slices.Contains(awayStates, v.refusal.SQLState) || v.refusal.SQLState == tooManyConnections ||
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
