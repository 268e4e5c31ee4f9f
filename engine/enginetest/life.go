package enginetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// life is one run in a world where everything goes wrong that may: crashes at
// every point, lost, late and repeated answers, people who may not or change
// their mind, others who change the same things. Then all is well for a while,
// and the run has to end. A ghost watches, and judges only by what was given
// to the run, what it started and what the world has seen.
type life struct {
	rng   *rand.Rand
	book  *runbook.Runbook
	world *World
	ghost *ghost
	now   time.Time

	run     engine.Run
	stored  []engine.Record // as they come back from the journal
	open    map[string]bool
	calls   map[string]engine.Command // open, and not answered yet
	flights map[string]*flight
	zombies []engine.Returned // results of calls that nobody waits for any more
	arrive  []arrival
	given   []engine.Input // to be given again
	history []string
	err     error
}

// flight is a mutation that was begun and has not returned.
type flight struct {
	cmd  engine.Command
	done *engine.Outcome // it took effect, or found that it may not
}

// arrival is an effect of a lost call that is still on its way.
type arrival struct {
	at  time.Time
	cmd engine.Command
}

// liveOnce runs one life and returns what was wrong with it, with its history.
func liveOnce(seed uint64) (*life, error) {
	rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a life must be the same for the same seed
	src := shapes[rng.IntN(len(shapes))]
	if rng.IntN(4) > 0 {
		src = generate(rng)
	}
	book, _, problems := Book(src)
	if len(problems) > 0 {
		return nil, fmt.Errorf("seed %d: the generator wrote a bad runbook: %s\n%s", seed, problems[0], src)
	}
	l := &life{
		rng: rng, book: book, world: NewWorld(), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), run: engine.New(book),
		open: map[string]bool{}, calls: map[string]engine.Command{}, flights: map[string]*flight{},
	}
	l.ghost = newGhost(l)
	f := Facts(book)
	if rng.IntN(3) == 0 {
		f.Requester = engine.Requester{Kind: "alert", Name: "HighLatency"}
	}
	l.give(engine.Start{Facts: f}, false)
	l.world.SetSick(rng.IntN(2) == 0)
	bad := []int{4, 10, 30, 100}[rng.IntN(4)] // of a hundred steps: in calm lives runs come far
	for n := 40 + rng.IntN(160); n > 0 && l.err == nil && (!l.run.Ended() || rng.IntN(10) != 0); n-- {
		if rng.IntN(100) < bad || !l.step(true) {
			l.disturb()
		}
	}
	l.cooperate()
	l.ghost.end()
	if l.err == nil {
		return l, nil
	}
	return l, fmt.Errorf("seed %d: %w\n%s\n%s", seed, l.err, src, strings.Join(l.history[max(0, len(l.history)-80):], "\n"))
}

func (l *life) failf(format string, args ...any) {
	if l.err == nil {
		l.err = fmt.Errorf(format, args...)
	}
}

func (l *life) notef(format string, args ...any) {
	l.history = append(l.history, l.now.Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// give gives the run an input, as a runtime does: decide, store, and only then
// let it take effect. With crashes, each of the points between may be the last.
func (l *life) give(in engine.Input, crashes bool) {
	if l.err != nil {
		return
	}
	l.arrivals()
	before := l.run.Seq
	recs, err := engine.Decide(l.run, in, l.now)
	if again, _ := engine.Decide(l.run, in, l.now); kinds(again) != kinds(recs) {
		l.failf("the same input is decided in two ways: %s%s", kinds(recs), kinds(again))
	}
	next := l.run
	for i, rec := range recs {
		if rec.Seq != before+i+1 {
			l.failf("record %d is numbered %d", before+i+1, rec.Seq)
		}
		next = engine.Apply(next, rec)
	}
	l.notef("%s -> %s%s", describe(in), kinds(recs), because(err))
	if crashes && l.rng.IntN(60) == 0 {
		l.notef("crash before the records are stored")
		l.crash()
		return
	}
	for _, rec := range recs {
		kind, data, err := engine.MarshalEvent(rec.Event)
		if err != nil {
			l.failf("%v", err)
			return
		}
		e, err := engine.UnmarshalEvent(kind, data)
		if err != nil {
			l.failf("%v", err)
			return
		}
		l.stored = append(l.stored, engine.Record{Seq: rec.Seq, At: rec.At, Event: e})
	}
	l.run = next
	l.ghost.gave(in, recs, err)
	if crashes && l.rng.IntN(60) == 0 {
		l.notef("crash after the records are stored")
		l.crash()
		return
	}
	l.reconcile(crashes)
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return " (" + err.Error() + ")"
}

func describe(in engine.Input) string {
	s := fmt.Sprintf("%T %+v", in, in)
	if _, ok := in.(engine.Start); ok {
		s = "Start"
	}
	return strings.TrimPrefix(s[:min(len(s), 230)], "engine.")
}

func kinds(recs []engine.Record) string {
	var out []string
	for _, rec := range recs {
		kind, data, _ := engine.MarshalEvent(rec.Event)
		out = append(out, kind+" "+string(data[:min(len(data), 120)]))
	}
	return "\n      " + strings.Join(out, "\n      ")
}

func (l *life) reconcile(crashes bool) {
	want := engine.Pending(l.run)
	l.ghost.pending(want)
	start, stop := engine.Reconcile(l.open, want)
	for _, id := range stop {
		if l.flights[id] == nil { // a mutation is never cut
			delete(l.open, id)
		}
		delete(l.calls, id)
	}
	for _, c := range start {
		if crashes && l.rng.IntN(200) == 0 {
			l.notef("crash before %s begins", c.CommandID())
			l.crash()
			return
		}
		l.open[c.CommandID()] = true
		switch c := c.(type) {
		case engine.Act, engine.Undo:
			l.ghost.starts(c)
			l.world.Begin(c)
			l.flights[c.CommandID()] = &flight{cmd: c}
		default:
			l.calls[c.CommandID()] = c
		}
	}
}

// crash loses everything but the journal, and lets a new generation take over.
func (l *life) crash() {
	ids := sorted(l.flights)
	for _, id := range ids {
		l.lose(l.flights[id], l.rng.IntN(5) == 0)
	}
	l.open, l.calls, l.flights = map[string]bool{}, map[string]engine.Command{}, map[string]*flight{}
	live := l.run
	l.run = Replay(l.book, l.stored)
	if l.run.Seq == live.Seq && l.rng.IntN(4) == 0 {
		if d := Diff(l.run, live); d != "" {
			l.failf("the replayed run differs (-replayed +live):\n%s", d)
			return
		}
	}
	down := time.Duration(l.rng.IntN(100)) * time.Second
	if l.rng.IntN(3) == 0 {
		down *= 60
	}
	l.now = l.now.Add(down)
	if l.run.Seq == 0 {
		l.give(engine.Start{Facts: Facts(l.book)}, false)
		return
	}
	in := engine.Recovered{Generation: l.run.Generation + 1, Down: down}
	if l.rng.IntN(10) == 0 {
		pins := l.run.Facts.Pins
		pins.Config = fmt.Sprintf("sha256:%d", in.Generation)
		in.Pins = &pins
	}
	if !l.run.Ended() {
		l.give(in, false)
	} else {
		l.reconcile(false)
	}
}

// lose ends a flight whose result will not come: its effect is there, is not,
// or is on its way for as long as its action's contract says.
func (l *life) lose(f *flight, zombie bool) {
	id := f.cmd.CommandID()
	settles := l.ghost.action(f.cmd).SettlesIn
	if f.done == nil {
		switch {
		case settles > 0 && l.rng.IntN(2) == 0:
			l.arrive = append(l.arrive, arrival{l.now.Add(settles / 2), f.cmd})
			zombie = false
		case l.rng.IntN(2) == 0:
			l.perform(f)
		default:
			o := None("unavailable").Outcome
			f.done = &o
		}
	}
	if zombie && f.done != nil {
		l.zombies = append(l.zombies, engine.Returned{ID: id, Outcome: *f.done})
	}
	delete(l.flights, id)
	delete(l.open, id)
}

func (l *life) perform(f *flight) {
	o := l.world.Perform(f.cmd)
	f.done = &o
	l.ghost.happened(f.cmd, o)
}

// arrivals lets effects that were on their way take place.
func (l *life) arrivals() {
	l.arrive = slices.DeleteFunc(l.arrive, func(a arrival) bool {
		if a.at.After(l.now) {
			return false
		}
		o := l.world.Perform(a.cmd)
		l.ghost.happened(a.cmd, o)
		l.notef("%s arrives late: %s", a.cmd.CommandID(), o.Effect)
		return true
	})
}

func sorted[V any](m map[string]V) []string {
	ids := make([]string, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

var errEndless = errors.New("the run does not end although everything goes well")
