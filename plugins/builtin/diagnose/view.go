package diagnose

import (
	"math"
	"strings"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	inTransaction = "idle in transaction"
	idleSession   = "idle"
	activeSession = "active"
)

// view is the inputs, read once: figures that several causes need. What is
// not known is NaN, and every comparison with it is false.
type view struct {
	in capability.DiagnoseInput

	pool              bool // there are figures of a pool
	max, acquired     float64
	opening           float64 // connections being opened
	opened            float64 // connections opened in the window
	waiting, timeouts float64
	acquireP99        float64
	hold, query       float64 // seconds, of what was finished
	first             float64 // first attempts per second
	offered, releases float64

	baseline                 bool
	maxBefore, holdBefore    float64
	queryBefore, firstBefore float64

	database bool
	usable   float64 // slots that ordinary logins may use
	sessions float64 // of the application's database
	locked   float64 // sessions that wait for a lock
	state    map[string]capability.SessionState
}

func newView(in capability.DiagnoseInput) *view {
	v := &view{in: in, state: map[string]capability.SessionState{}}
	v.readPool(in.Pool)
	v.readDatabase(in.Database)
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
	}
	v.max, v.acquired = whole(now.Max), whole(now.Acquired)
	if p != nil {
		for _, r := range p.Replicas {
			v.opening += float64(r.Constructing)
		}
	}
	v.opened = number(now.ConnectsRPS) * now.To.Sub(now.From).Seconds()
	v.waiting, v.timeouts = whole(now.Waiting), whole(now.Timeouts)
	v.acquireP99 = number(now.AcquireP99S)
	v.hold, v.query = number(now.HoldS), number(now.QueryS)
	v.offered, v.releases = number(now.OfferedRPS), number(now.ReleasesRPS)
	v.first = demandRate(now)
	v.maxBefore, v.holdBefore = whole(before.Max), number(before.HoldS)
	v.queryBefore, v.firstBefore = number(before.QueryS), demandRate(before)
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
		v.usable, v.sessions, v.locked = math.NaN(), math.NaN(), math.NaN()
		return
	}
	v.database = true
	v.usable = float64(d.Limits.Max) - float64(d.Limits.Reserved) - float64(d.Limits.Superuser)
	for _, s := range d.States {
		v.state[s.State] = s
		v.sessions += float64(s.Count)
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
	return v.pool && v.acquired+math.Min(v.opening, zeroIfNaN(v.opened)) >= 0.9*v.max
}

// opensSlowly says that it is the opening of connections that takes long.
func (v *view) opensSlowly() bool {
	return v.database && v.opening >= 0.3*v.max && v.in.Database.Connect.MS >= 1000
}

// queued says that requests wait for a connection as they should not.
func (v *view) queued() bool {
	return v.waiting >= math.Max(3, 0.05*zeroIfNaN(v.max)) || v.timeouts > 0 || v.acquireP99 >= 0.1
}

// refused says that the server has no slot for an ordinary login. A limit of
// our own role says nothing of the service's.
func (v *view) refused() bool {
	if !v.database {
		return false
	}
	c := v.in.Database.Connect
	return v.in.Database.Free <= 0 || c.SQLState == tooManyConnections && !strings.Contains(c.Text, "for role")
}

// trouble says that there is something to explain.
func (v *view) trouble() bool {
	return v.queued() || v.refused() || v.locked >= math.Max(2, 0.2*v.sessions) || v.stuckInTransaction()
}

// stuck says that the connections in use are held far longer than what was
// finished explains: by Little's law, in use = releases x hold.
func (v *view) stuck() bool {
	return v.acquired >= 3 && v.releases*zeroIfNaN(v.hold) < 0.6*v.acquired
}

// holdNow is how long a connection is held, by what was finished and by what
// was not: in a slow-down the slow ones finish last.
func (v *view) holdNow() float64 {
	if byLittle := v.acquired / v.releases; v.full() && finite(byLittle) {
		return math.Max(zeroIfNaN(v.hold), byLittle)
	}
	return v.hold
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
