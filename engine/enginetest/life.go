package enginetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// life is one run of a town, driven as a runtime does: decide, store, and only
// then let it take effect.
type life struct {
	*town
	id   string
	src  string           // of its runbook
	book *runbook.Runbook // before any list of a foreach is known

	facts   engine.Facts
	run     engine.Run
	stored  []engine.Record // as they come back from the journal
	opened  map[string]bool
	calls   map[string]engine.Command // open, and not answered yet
	flights map[string]*flight
	zombies []engine.Returned // results of calls that nobody waits for any more
	given   []engine.Input    // to be given again

	followed bool            // another run undoes it, or tries it again
	mail     []engine.Person // said, and still on its way
	news     []engine.Input  // of other runs
}

// flight is a mutation that was begun and has not returned.
type flight struct {
	cmd  engine.Command
	done *engine.Outcome // it took effect, or found that it may not
}

// newLife adds a run to a town, or says why its runbook cannot be read.
func newLife(t *town, src string) (*life, error) {
	book, _, problems := Book(src)
	if len(problems) > 0 {
		return nil, fmt.Errorf("the generator wrote a bad runbook: %s", problems[0])
	}
	l := &life{town: t, id: fmt.Sprintf("r%d", len(t.lives)+1), src: src, book: book, run: engine.New(book)}
	l.empty()
	t.lives = append(t.lives, l)
	return l, nil
}

func (l *life) empty() {
	l.opened, l.calls, l.flights = map[string]bool{}, map[string]engine.Command{}, map[string]*flight{}
}

func (l *life) ghost() *ghost { return l.judge.ghosts[l.id] }

// start begins the run, or begins it once more when nothing of it was stored.
func (l *life) start() {
	if l.facts.ID == "" {
		l.facts = Facts(l.book)
		if l.once(3) {
			l.facts.Requester = engine.Requester{Kind: "alert", Name: "HighLatency"}
		}
	}
	if l.judge.ghosts[l.id] == nil {
		l.judge.add(l.id, l.book)
	}
	l.facts.ID, l.facts.Generation, l.facts.Stops = l.id, l.generation, nil
	if l.held {
		l.facts.Stops = []engine.Stop{{Kind: engine.StopHold, Service: l.facts.Service, By: "firebreak", At: l.now}}
	}
	l.give(engine.Start{Facts: l.facts}, true)
}

// decide returns what follows from an input, with the run as it then is.
func (l *life) decide(in engine.Input) ([]engine.Record, engine.Run, error) {
	recs, err := engine.Decide(l.run, in, l.now)
	if len(l.history)%8 == 0 {
		if again, _ := engine.Decide(l.run, in, l.now); kinds(again) != kinds(recs) {
			l.failf("the same input is decided in two ways: %s%s", kinds(recs), kinds(again))
		}
	}
	next := l.run
	for i, rec := range recs {
		if rec.Seq != l.run.Seq+i+1 {
			l.failf("record %d is numbered %d", l.run.Seq+i+1, rec.Seq)
		}
		next = engine.Apply(next, rec)
	}
	return recs, next, err
}

// store keeps records as a journal does.
func (l *life) store(recs []engine.Record) {
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
}

// give gives the run an input. With crashes, each of the points between may
// be the owner's last.
func (l *life) give(in engine.Input, crashes bool) {
	if l.err != nil {
		return
	}
	l.arrivals()
	recs, next, err := l.decide(in)
	stores := len(recs) > 0
	if crashes && stores && l.once(30) {
		l.notef("%s is given %s", l.id, describe(in))
		l.crash("before the records are stored")
		return
	}
	if l.full && stores {
		l.crash("the disk is full")
		return
	}
	l.store(recs)
	l.held = l.held || next.Word == engine.FailedDirty && !l.run.Ended() // in the same transaction
	l.run = next
	if lift, ok := in.(engine.Lift); ok && lift.Kind == engine.StopHold {
		l.held = false
	}
	l.tell(moment{run: l.id, in: in, recs: recs, err: err})
	if crashes && stores && l.once(30) {
		l.crash("after the records are stored")
		return
	}
	l.reconcile(crashes)
}

// down is for how long nobody was there since the generation that the run
// knows of.
func (l *life) down() (sum time.Duration) {
	for _, d := range l.gaps[l.run.Generation-1:] {
		sum += d
	}
	return sum
}

// takenOver tells the run that a new owner is there. Nothing begins yet.
func (l *life) takenOver() {
	in := engine.Recovered{Generation: l.generation, Down: l.down()}
	if l.once(10) {
		pins := l.run.Facts.Pins
		pins.Config = fmt.Sprintf("sha256:%d", l.generation)
		in.Pins = &pins
		if l.once(3) {
			in.Roles = map[string]engine.Role{"ops": {People: []string{"alice", "dora"}}, "lead": {People: []string{"carol", "bob"}, BreakGlass: true}}
		}
	}
	recs, next, err := l.decide(in)
	l.store(recs)
	l.run = next
	l.tell(moment{run: l.id, in: in, recs: recs, err: err})
	if l.run.Locks.State == engine.LocksHeld && !l.run.Ended() {
		l.table.Restore(l.id, l.run.Locks.Identities)
	}
}

// missed tells a run of the hold that firebreak has set, unless it knows. It
// reports whether it did not.
func (l *life) missed() bool {
	if !l.held || l.run.Ended() || slices.ContainsFunc(l.run.Stops, func(s engine.Stop) bool { return s.Kind == engine.StopHold }) {
		return false
	}
	l.give(engine.Hold{By: "firebreak", Service: l.facts.Service}, true)
	return true
}

// forget is what a crash does to a run: what is in flight is on its own.
func (l *life) forget() {
	for _, id := range sorted(l.flights) {
		l.lose(l.flights[id], l.once(5))
	}
	l.empty()
	l.given = slices.DeleteFunc(l.given, func(in engine.Input) bool {
		switch in.(type) {
		case engine.LocksGranted, engine.LocksBusy:
			return true // it came from the table, which is gone
		default:
			return false
		}
	})
	live := l.run
	if again := Replay(l.book, l.stored); again.Seq == live.Seq && !live.Ended() && l.once(8) {
		if d := Diff(again, live); d != "" {
			l.failf("the replayed run differs (-replayed +live):\n%s", d)
		}
	}
}

// reconcile opens and closes what follows from the run's state.
func (l *life) reconcile(crashes bool) {
	if l.run.Ended() || l.run.Locks.State == engine.LocksBroken {
		l.table.Release(l.id)
	}
	want := engine.Pending(l.run)
	if err := l.judge.pending(l.id, want); err != nil {
		l.failf("%w", err)
	}
	start, stop := engine.Reconcile(l.opened, want)
	for _, id := range stop {
		l.table.Withdraw(l.id, id, l.run.Locks.Holds)
		if l.flights[id] == nil { // a mutation is never cut
			delete(l.opened, id)
		}
		delete(l.calls, id)
	}
	for _, c := range start {
		if crashes && l.once(60) {
			l.crash("before something begins")
			return
		}
		l.opened[c.CommandID()] = true
		switch c := c.(type) {
		case engine.Act, engine.Undo:
			l.tell(moment{run: l.id, begun: c})
			l.world.Begin(c)
			l.flights[c.CommandID()] = &flight{cmd: c}
		case engine.Lock:
			l.calls[c.ID] = c
			l.lock(c)
		default:
			l.calls[c.CommandID()] = c
		}
	}
}

// lock asks the table. Who does not wait is told who has what it asked for.
func (l *life) lock(c engine.Lock) {
	holder := ""
	switch {
	case c.Try:
		holder = l.table.Try(l.id, c.ID, c.Identities)
	case c.OnLocked != runbook.OnLockedQueue:
		l.table.Request(l.id, c.ID, c.Identities)
		holder = l.table.Holder(l.id, c.Identities)
	default:
		l.table.Request(l.id, c.ID, c.Identities)
	}
	if other := l.named(holder); other != nil {
		same := other.book.Digest == l.book.Digest && other.facts.UndoOf == l.facts.UndoOf
		l.busy[c.ID] = engine.LocksBusy{ID: c.ID, Holder: holder, Same: same}
		if same && c.OnLocked == runbook.OnLockedJoin {
			other.news = append(other.news, engine.Joined{Run: l.id, Requester: l.facts.Requester})
		}
	}
}

// due is when something happens by itself, and the timer that does it, if it
// is one.
func (l *life) due() (at time.Time, timer string) {
	for _, id := range sorted(l.calls) {
		var t time.Time
		fires := ""
		switch c := l.calls[id].(type) {
		case engine.Timer:
			t, fires = c.At, id
		case engine.Read:
			t = c.NotBefore
		default:
			continue
		}
		if at.IsZero() || t.Before(at) {
			at, timer = t, fires
		}
	}
	return at, timer
}

// lose ends a flight whose result will not come: its effect is there, is not,
// or is on its way for as long as its action's contract says.
func (l *life) lose(f *flight, zombie bool) {
	id := f.cmd.CommandID()
	settles := l.action(f.cmd).SettlesIn
	if f.done == nil {
		l.note("lost before its effect")
		switch {
		case settles > 0 && l.once(2):
			l.arrive = append(l.arrive, arrival{l.passed + settles/2, l, f.cmd})
			zombie = false
		case l.once(2):
			l.perform(f)
		default:
			o := None("unavailable").Outcome
			f.done = &o
		}
	} else {
		l.note("lost after its effect")
	}
	if zombie && f.done != nil {
		l.zombies = append(l.zombies, engine.Returned{ID: id, Outcome: *f.done})
	}
	delete(l.flights, id)
	delete(l.opened, id)
}

func (l *life) perform(f *flight) {
	o := l.world.Perform(f.cmd)
	f.done = &o
	l.tell(moment{run: l.id, happened: f.cmd, outcome: &o})
}

// action is what a mutation calls.
func (l *life) action(cmd engine.Command) *runbook.Action {
	switch c := cmd.(type) {
	case engine.Act:
		return l.ghost().book.Step(c.Path).Action
	case engine.Undo:
		return l.ghost().book.Step(c.Path).Undo.Action
	default:
		return &runbook.Action{}
	}
}

func sorted[V any](m map[string]V) []string {
	ids := make([]string, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
