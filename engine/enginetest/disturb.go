package enginetest

import (
	"fmt"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// disturb does one thing at random.
func (l *life) disturb() {
	switch k := l.rng.IntN(100); {
	case k < 45:
		l.answer(false)
	case k < 62:
		l.fly(false)
	case k < 80:
		l.time()
	case k < 90:
		l.people()
	case k < 92:
		l.notef("crash out of the blue")
		l.crash()
	case k < 94:
		l.world.Set([]string{"a", "b", "c", "g"}[l.rng.IntN(4)], l.rng.IntN(2))
		l.notef("somebody else changes the world")
	case k < 95:
		l.world.SetSick(l.rng.IntN(2) == 0)
	case k < 96:
		l.give(engine.AlertResolved{}, true)
	case k < 98 && len(l.zombies) > 0:
		l.give(l.zombies[l.rng.IntN(len(l.zombies))], true)
	case len(l.given) > 0:
		l.give(l.given[l.rng.IntN(len(l.given))], true)
	}
}

// answer answers one open call.
func (l *life) answer(well bool) bool {
	var ready []string
	for _, id := range sorted(l.calls) {
		switch c := l.calls[id].(type) {
		case engine.Timer, engine.Ask, engine.StopCall:
		case engine.Read:
			if !c.NotBefore.After(l.now) {
				ready = append(ready, id)
			}
		default:
			ready = append(ready, id)
		}
	}
	if len(ready) == 0 {
		return false
	}
	cmd := l.calls[ready[l.rng.IntN(len(ready))]]
	delete(l.calls, cmd.CommandID())
	l.give(l.said(cmd, well), !well)
	return true
}

// said is the answer to a call that changes nothing.
func (l *life) said(cmd engine.Command, well bool) engine.Input {
	var in engine.Input
	if lock, ok := cmd.(engine.Lock); ok {
		in = engine.LocksGranted{ID: lock.ID}
	} else {
		in = l.world.Do(cmd)
	}
	if !well && l.rng.IntN(20) == 0 {
		f := &engine.Failure{Class: []string{"unavailable", "timeout", "invalid"}[l.rng.IntN(3)], Reason: "by chance"}
		switch a := in.(type) {
		case engine.Planned:
			in = engine.Planned{ID: a.ID, Failure: f}
		case engine.Returned:
			in = engine.Returned{ID: a.ID, Outcome: engine.Outcome{Failure: f, Effect: engine.EffectNone}}
		case engine.Probed:
			in = engine.Probed{ID: a.ID, Outcome: engine.Outcome{Failure: f, Effect: engine.EffectUnknown}}
		}
	}
	if len(l.given) < 20 {
		l.given = append(l.given, in)
	}
	return in
}

// fly lets one mutation in flight come a step further.
func (l *life) fly(well bool) bool {
	ids := sorted(l.flights)
	if len(ids) == 0 {
		return false
	}
	f := l.flights[ids[l.rng.IntN(len(ids))]]
	id := f.cmd.CommandID()
	k := l.rng.IntN(14)
	if well {
		k = 13
	}
	switch {
	case f.done == nil && k < 3: // it takes effect, and the answer is still to come
		l.perform(f)
		return true
	case f.done == nil && k == 3:
		o := None([]string{"unavailable", "invalid", "conflict"}[l.rng.IntN(3)]).Outcome
		f.done = &o
	case k < 6: // the answer is lost on its way
		l.lose(f, l.rng.IntN(2) == 0)
		l.give(engine.Returned{ID: id, Outcome: Lost(false).Outcome}, true)
		return true
	case f.done == nil:
		l.perform(f)
		if _, undo := f.cmd.(engine.Undo); (k == 6 || k == 7) && !undo && f.done.Failure == nil {
			class := []string{"internal", "unavailable", "timeout"}[l.rng.IntN(3)]
			f.done.Failure, f.done.Effect = &engine.Failure{Class: class, Reason: "by chance"}, engine.EffectPartial
		}
	}
	delete(l.flights, id)
	if len(l.given) < 20 {
		l.given = append(l.given, engine.Returned{ID: id, Outcome: *f.done})
	}
	l.give(engine.Returned{ID: id, Outcome: *f.done}, !well)
	return true
}

// time lets some pass: to the next timer, or far beyond it.
func (l *life) time() {
	switch l.rng.IntN(6) {
	case 0:
		l.now = l.now.Add(time.Duration(l.rng.IntN(400)) * time.Second)
	case 1:
		l.now = l.now.Add(time.Duration(l.rng.IntN(3000)) * time.Millisecond)
	default:
		l.next(false)
	}
}

// next goes to the next moment at which something happens by itself, and lets
// it happen if it is a timer. It reports whether there was one.
func (l *life) next(well bool) bool {
	var at time.Time
	var timer string
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
	if at.IsZero() {
		return false
	}
	if at.After(l.now) {
		l.now = at
	}
	if timer == "" {
		return true
	}
	delete(l.calls, timer)
	if f := l.flights[l.ghost.watched(timer)]; f != nil {
		l.lose(f, l.rng.IntN(2) == 0) // the host has ended it by its deadline
	}
	l.give(engine.TimerFired{ID: timer}, !well)
	return true
}

// people says something: right, wrong, too late, twice, or by nobody who may.
func (l *life) people() {
	who := []string{"alice", "alice", "bob", "bob", "carol", "dora", "os:mallory"}[l.rng.IntN(7)]
	qs := l.run.OpenQuestions()
	if len(qs) > 0 && l.rng.IntN(3) > 0 {
		q := qs[l.rng.IntN(len(qs))]
		in := l.opinion(q, who)
		if l.rng.IntN(4) == 0 {
			l.given = append(l.given, in)
		}
		l.give(in, true)
		return
	}
	var in engine.Person
	switch l.rng.IntN(9) {
	case 0:
		in = engine.Cancel{By: who, Undo: l.rng.IntN(2) == 0}
	case 1:
		in = engine.UndoRun{By: who}
	case 2, 3, 4:
		in = engine.Halt{By: who}
	case 5, 6:
		in = engine.Lift{By: who}
	default:
		all := l.book.All()
		in = engine.Skip{By: who, Path: all[l.rng.IntN(len(all))].Path}
	}
	l.give(in, true)
}

func (l *life) opinion(q engine.Question, who string) engine.Person {
	if q.Kind == engine.AskGate {
		v := engine.Vote{By: who, Question: q.ID, Digest: q.Digest, Approve: l.rng.IntN(5) > 0, Keep: l.rng.IntN(3) == 0}
		switch l.rng.IntN(10) {
		case 0:
			v.Digest = "sha256:older"
		case 1:
			v.BreakGlass = "by chance"
		}
		return v
	}
	a := engine.Answer{By: who, Question: q.ID, Choice: q.Choices[l.rng.IntN(len(q.Choices))]}
	switch {
	case l.rng.IntN(20) == 0:
		a.Choice = "nonsense"
	case q.Kind == engine.AskDoubt && l.rng.IntN(4) > 0:
		a.Choice = l.truth(q)
	}
	return a
}

// truth is what became of a call that is in doubt.
func (l *life) truth(q engine.Question) string {
	if c := l.ghost.doubted(q); c != nil && c.happened {
		return engine.ChoiceHappened
	}
	return engine.ChoiceNot
}

// cooperate lets all go well until the run has ended.
func (l *life) cooperate() {
	if l.rng.IntN(2) == 0 {
		l.world.SetSick(false)
	}
	l.notef("from now on all goes well")
	for n := 0; l.err == nil && !l.run.Ended(); n++ {
		if n > 3000 {
			l.failf("%w: it is %s and waits on %v", errEndless, l.run.Phase, l.run.Waits())
			return
		}
		if l.step(false) {
			continue
		}
		l.failf("the run is stuck: it is %s, has nothing open and waits on %v", l.run.Phase, l.run.Waits())
	}
	for l.err == nil && l.answer(true) { // notices
	}
}

// step does what comes next when all goes well. Patient people let time pass
// before they answer.
func (l *life) step(patient bool) bool {
	if patient && l.rng.IntN(20) == 0 && l.next(true) {
		return true
	}
	return l.fly(!patient || l.rng.IntN(5) > 0) || l.answer(true) || l.kindly() || l.next(true)
}

// kindly answers what people are asked, lifts what stands.
func (l *life) kindly() bool {
	if l.ghost.halted {
		l.give(engine.Lift{By: "alice"}, false)
		return true
	}
	for _, q := range l.run.OpenQuestions() {
		choice := map[engine.QuestionKind]string{
			engine.AskVerdict: []string{engine.ChoiceAccept, engine.ChoiceUndo}[l.run.Seq%2],
			engine.AskDrift:   []string{engine.ChoiceForce, engine.ChoiceKeep}[l.run.Seq%2],
			engine.AskAgain:   engine.ChoiceAbort, engine.AskResume: engine.ChoiceResume,
		}[q.Kind]
		switch {
		case q.Kind == engine.AskGate && !q.Expires.IsZero() && l.now.After(q.Expires):
			continue
		case q.Kind == engine.AskGate:
			l.give(engine.Vote{By: "alice", Question: q.ID, Digest: q.Digest, Approve: true}, false)
			return true
		case q.Kind == engine.AskDoubt:
			choice = l.truth(q)
		case choice == "":
			l.failf("nobody knows how to answer %+v", q)
		}
		l.give(engine.Answer{By: "alice", Question: q.ID, Choice: choice}, false)
		return true
	}
	return false
}

func split(id string) (path string, attempt int, phase string) {
	var n int
	rest := short(id)
	for i := len(rest) - 1; i >= 0; i-- {
		if rest[i] == '#' {
			path = rest[:i]
			_, _ = fmt.Sscanf(rest[i:], "#%d/%s", &n, &phase)
			return path, n, phase
		}
	}
	return rest, 0, ""
}
