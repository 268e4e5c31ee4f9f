package engine

import (
	"maps"
	"slices"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// early asks people before it is their turn: about the first gate in the order
// of the runbook whose question can only turn out as it would then. All that
// its step's conditions and inputs read is known, and no mutation that may
// come before touches the same target. What is known to come, but not yet how,
// is announced. A gate is asked early once: what is void is asked again at its
// turn, and nobody is pestered.
func (d *decider) early() bool {
	if d.run.Phase != PhaseRunning || d.run.Facts.UndoOf != "" || d.run.Bar != nil || d.blocked() {
		return false
	}
	return d.earlyIn(d.run.Book.Steps, false, func() []*runbook.Step { return nil })
}

// earlyIn looks through steps for a gate to ask about. before finds mutations
// that may come before all of them.
func (d *decider) earlyIn(steps []*runbook.Step, sideBySide bool, before func() []*runbook.Step) bool {
	for i, step := range steps {
		if d.run.step(step.Path).Done() || !d.mayAsk(step) {
			continue
		}
		others := func() []*runbook.Step {
			found := before()
			for j, other := range steps {
				if j < i || sideBySide && j != i {
					found = append(found, d.toCome(other)...)
				}
			}
			return found
		}
		if d.earlyAt(step, others) {
			return true
		}
	}
	return false
}

// mayAsk reports whether there may be something to do early at a step or under
// it, whatever its condition says: a gate that was not asked about yet, or a list
// to be known.
func (d *decider) mayAsk(step *runbook.Step) bool {
	if step.Each != nil && !step.Each.Unrolled {
		return true
	}
	if step.Approve != nil {
		switch g := d.run.gate(step.Path); g.State {
		case GateIdle, GatePlanning:
			return g.Asks == 0 || g.State == GatePlanning
		case GateConsumed:
		default:
			return false
		}
	}
	return slices.ContainsFunc(step.Steps, d.mayAsk)
}

func (d *decider) earlyAt(step *runbook.Step, before func() []*runbook.Step) bool {
	pending := d.run.step(step.Path).Status == StatusPending
	if pending && !d.willRun(step) {
		return false
	}
	g := d.run.gate(step.Path)
	if step.Each != nil && !step.Each.Unrolled {
		return d.unroll(step) || pending && step.Approve != nil && d.announce(step, g)
	}
	if step.Each != nil && len(step.Steps) == 0 {
		return false
	}
	if step.Approve == nil || g.State == GateConsumed {
		sideBySide := step.Kind == runbook.KindParallel || step.Each != nil && step.Each.Concurrency > 1
		return d.earlyIn(step.Steps, sideBySide, before)
	}
	switch {
	case pending && g.State == GatePlanning:
		return d.askWhenPlanned(step, g)
	case !pending || g.State != GateIdle || g.Asks > 0:
		return false
	}
	members := d.members(step)
	if len(members) == 0 || !d.lockable(members) || slices.ContainsFunc(members, func(m *runbook.Step) bool { return !d.known(m) }) {
		return d.announce(step, g)
	}
	others := before()
	if slices.ContainsFunc(members, func(m *runbook.Step) bool { return d.touched(m, others) }) {
		return d.announce(step, g)
	}
	moved, _ := d.planGate(step, g)
	return moved
}

// due begins the time of what was asked early about a step.
func (d *decider) due(step *runbook.Step) {
	if q := d.run.question(AskGate, step.Path); q != nil && q.Early {
		e := QuestionDue{ID: q.ID, Path: q.Path}
		if q.Frozen == "" {
			e.Expires, e.Escalates = d.now.Add(step.Approve.Expires()), escalations(step.Approve.Of, d.now)
		}
		d.emit(e)
	}
}

// lockable reports whether it is known of every mutation to come what it will
// change: all locks are asked for before the first gate, at once. Once the run
// has its locks, it reports whether it has those of some mutations.
func (d *decider) lockable(members []*runbook.Step) bool {
	if d.run.Locks.State == LocksHeld {
		return !slices.ContainsFunc(members, func(m *runbook.Step) bool { return d.target(m) != "" && !d.run.Locks.Holds(d.target(m)) })
	}
	return d.run.Locks.State != LocksNone || !slices.ContainsFunc(d.run.Book.Mutations(), func(m *runbook.Step) bool {
		return m.Resource != nil && !d.run.step(m.Path).Done() && d.target(m) == ""
	})
}

// announce says that a gate will ask.
func (d *decider) announce(step *runbook.Step, g *Gate) bool {
	if g.Announced {
		return false
	}
	d.emit(QuestionAnnounced{Path: step.Path, Roles: roles(step.Approve.Of)})
	return true
}

// toCome are the mutations at and under a step that may yet begin.
func (d *decider) toCome(step *runbook.Step) []*runbook.Step {
	var out []*runbook.Step
	runbook.Walk([]*runbook.Step{step}, func(s *runbook.Step) {
		if s.Mutates() && !d.run.step(s.Path).Done() {
			out = append(out, s)
		}
	})
	return out
}

// touched reports whether one of these mutations may change what another
// changes.
func (d *decider) touched(m *runbook.Step, before []*runbook.Step) bool {
	target := d.target(m)
	return slices.ContainsFunc(before, func(b *runbook.Step) bool {
		other := d.target(b)
		return other == "" || target == "" || other == target
	})
}

// willRun reports whether it is known that a step's condition holds.
func (d *decider) willRun(step *runbook.Step) bool {
	if step.If == nil {
		return true
	}
	will, settled := d.run.will[step.Path]
	if settled || !d.settledNames(step.Frame, step.If) {
		return will
	}
	ok, err := step.If.Bool(d.vars(step.Frame, nil, step.If))
	known := maps.Clone(d.run.will) // other copies of the run have it, too
	if known == nil {
		known = map[string]bool{}
	}
	known[step.Path] = err == nil && ok
	d.run.will = known
	return known[step.Path]
}

// known reports whether all that decides about a mutation is.
func (d *decider) known(m *runbook.Step) bool {
	for s := m; s != nil && s.Approve == nil; s = s.Parent { // up to its gate
		if s.If != nil && !d.settledNames(s.Frame, s.If) {
			return false
		}
	}
	for _, value := range []*expr.Value{m.With, m.Resource} {
		for _, program := range value.Programs() {
			if !d.settledNames(m.Frame, program) {
				return false
			}
		}
	}
	return true
}

// settledNames reports whether what an expression reads will not change before
// its turn: steps have ended, and variables are not set again.
func (d *decider) settledNames(f *runbook.Frame, program *expr.Program) bool {
	for _, name := range program.Names() {
		switch name[0] {
		case "steps":
			if len(name) < 2 || !d.ended(f, name[1]) {
				return false
			}
		case "vars":
			if len(name) < 2 || d.setLater(f, name[1]) {
				return false
			}
		case "item":
			if f.Item == nil { // there is no item yet
				return false
			}
		case "inputs":
			if !d.settledInputs(f) {
				return false
			}
		}
	}
	return true
}

// settledInputs reports whether what the runbook of a frame is called with will
// not change before its turn.
func (d *decider) settledInputs(f *runbook.Frame) bool {
	around := f.Around()
	f = around[len(around)-1]
	if f.Call == nil || d.run.called(f.Path) {
		return true
	}
	for _, program := range f.Call.With.Programs() {
		if !d.settledNames(f.Outer, program) {
			return false
		}
	}
	return true
}

func (d *decider) ended(f *runbook.Frame, id string) bool {
	step := f.ByID(id)
	return step != nil && d.run.step(step.Path).Done()
}

// setLater reports whether a step that has not ended sets a variable that is
// seen in a frame.
func (d *decider) setLater(f *runbook.Frame, name string) bool {
	around := f.Around()
	return slices.ContainsFunc(d.run.Book.All(), func(s *runbook.Step) bool {
		return slices.Contains(around, s.Frame) && !d.run.step(s.Path).Done() && slices.ContainsFunc(s.Set, func(a runbook.Assignment) bool { return a.Name == name })
	})
}
