package enginetest

import (
	"fmt"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// disturb does one thing at random.
func (l *life) disturb() {
	if len(l.zombies) > 0 && l.once(6) {
		l.haunt()
		return
	}
	switch k := l.IntN(100); {
	case k < 38:
		l.answer(false)
	case k < 55:
		l.fly(false)
	case k < 70:
		l.time()
	case k < 88:
		l.people()
	case k < 89:
		l.outside()
	case k < 91:
		l.crash("out of the blue")
	case k < 94:
		if !l.meddle() {
			l.change("a", "b", "c", "g", "t0", "t1")
		}
	case k < 95:
		l.world.SetSick(l.once(2))
	case k < 96:
		l.give(engine.AlertResolved{}, true)
	case k < 97:
		l.full = true
		l.notef("the disk is full")
	case len(l.given) > 0:
		l.give(l.given[l.IntN(len(l.given))], true)
	}
}

// outside lets something happen that is not the run's: a freeze begins or ends,
// somebody else changes its service, a rule bars it from changes.
func (l *life) outside() {
	switch l.IntN(4) {
	case 2:
		l.give(engine.ChangeMade{Change: engine.ServiceChange{Reporter: "ci", ID: fmt.Sprint(len(l.history)), At: l.now, Title: "deploy"}}, true)
	case 3:
		l.give(engine.Barred{Bar: engine.Bar{Class: "budget", Reason: "by chance", Page: l.once(2)}}, true)
	default:
		l.calendar()
	}
}

// calendar lets a freeze begin or end.
func (l *life) calendar() {
	rule := pick(l.choices, "peak", "holidays")
	if l.ghost().freezes[rule] {
		l.give(engine.Lift{By: rule, Kind: engine.StopFreeze, Service: l.facts.Service}, true)
		return
	}
	l.give(engine.Freeze{Stop: engine.Stop{By: rule, Service: l.facts.Service}}, true)
}

// haunt gives a result that nobody waits for any more.
func (l *life) haunt() { l.give(l.zombies[l.IntN(len(l.zombies))], true) }

// meddle changes something that people are being asked about. It reports
// whether there was something.
func (l *life) meddle() bool {
	var asked []string
	for _, q := range l.run.OpenQuestions() {
		for _, m := range q.Members {
			asked = append(asked, parse(m.Binding, nil).Key)
		}
	}
	if len(asked) == 0 {
		return false
	}
	l.change(asked...)
	return true
}

// change changes one of some things, as somebody else would.
func (l *life) change(keys ...string) {
	key := pick(l.choices, keys...)
	l.world.Set(key, l.world.Get(key)+1+l.IntN(2))
	l.notef("somebody else changes %s", key)
}

// answer answers one open call.
func (l *life) answer(well bool) bool {
	var ready []string
	for _, id := range sorted(l.calls) {
		if l.ready(l.calls[id]) {
			ready = append(ready, id)
		}
	}
	if len(ready) == 0 {
		return false
	}
	cmd := l.calls[ready[l.IntN(len(ready))]]
	delete(l.calls, cmd.CommandID())
	l.give(l.said(cmd, well), !well)
	return true
}

// ready reports whether a call can be answered now.
func (l *life) ready(cmd engine.Command) bool {
	switch c := cmd.(type) {
	case engine.Timer, engine.Ask, engine.StopCall:
		return false
	case engine.Lock:
		_, busy := l.busy[c.ID]
		return busy || l.granted[c.ID]
	case engine.Read:
		return !c.NotBefore.After(l.now)
	default:
		return true
	}
}

// said is the answer to a call that changes nothing.
func (l *life) said(cmd engine.Command, well bool) engine.Input {
	var in engine.Input
	busy, is := l.busy[cmd.CommandID()]
	switch c := cmd.(type) {
	case engine.Lock:
		in = engine.LocksGranted{ID: c.ID}
		if is {
			in = busy
			delete(l.busy, c.ID)
			l.calls[c.ID] = c // it still waits, if it wants to
		}
	default:
		in = l.world.Do(cmd)
	}
	if !well && l.once(20) {
		f := &engine.Failure{Class: pick(l.choices, "unavailable", "timeout", "invalid"), Reason: "by chance"}
		switch a := in.(type) {
		case engine.Planned:
			in = engine.Planned{ID: a.ID, Failure: f}
		case engine.Returned:
			in = engine.Returned{ID: a.ID, Outcome: engine.Outcome{Failure: f, Effect: engine.EffectNone}}
		case engine.Probed:
			in = engine.Probed{ID: a.ID, Outcome: engine.Outcome{Failure: f, Effect: engine.EffectUnknown}}
		}
	}
	l.remember(in)
	return in
}

// remember keeps an answer, which may come again.
func (l *life) remember(in engine.Input) {
	if len(l.given) < 20 {
		l.given = append(l.given, in)
	}
}

// fly lets one mutation in flight come a step further.
func (l *life) fly(well bool) bool {
	ids := sorted(l.flights)
	if len(ids) == 0 {
		return false
	}
	f := l.flights[ids[l.IntN(len(ids))]]
	id := f.cmd.CommandID()
	k := 0
	switch {
	case !well && l.lossy && l.once(2):
		k = 10
	case !well:
		k = l.IntN(16)
	}
	switch {
	case f.done == nil && k > 12: // it takes effect, and the answer is still to come
		l.perform(f)
		return true
	case f.done == nil && k == 12:
		o := None(pick(l.choices, "unavailable", "invalid", "conflict")).Outcome
		f.done = &o
	case k > 9: // the answer is lost on its way
		l.lose(f, l.once(2))
		l.give(engine.Returned{ID: id, Outcome: Lost(false).Outcome}, true)
		return true
	case f.done == nil:
		l.perform(f)
		if _, undo := f.cmd.(engine.Undo); (k == 8 || k == 9) && !undo && f.done.Failure == nil {
			f.done.Failure = &engine.Failure{Class: pick(l.choices, "internal", "unavailable", "timeout"), Reason: "by chance"}
			f.done.Effect = engine.EffectPartial
		}
	}
	if k == 7 && l.once(2) {
		l.lie(f)
	}
	delete(l.flights, id)
	in := engine.Returned{ID: id, Outcome: *f.done}
	l.remember(in)
	l.give(in, !well)
	return true
}

// lie lets a plugin say of a call what is not true.
func (l *life) lie(f *flight) {
	if f.done.Effect == engine.EffectNone {
		o := l.world.Claim(f.cmd)
		f.done = &o
		l.notef("the plugin will say that %s happened, and it did not", f.cmd.CommandID())
		return
	}
	o := None(pick(l.choices, "unavailable", "invalid")).Outcome
	f.done = &o
	l.notef("the plugin will say that %s did not happen, and it did", f.cmd.CommandID())
}

// time lets some pass: to the next timer, or far beyond it.
func (l *life) time() {
	switch l.IntN(6) {
	case 4:
		l.pass(time.Duration(l.IntN(3000)) * time.Millisecond)
	case 5:
		l.pass(time.Duration(l.IntN(400)) * time.Second)
	default:
		l.next(false)
	}
}

// split takes the id of a call apart.
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
