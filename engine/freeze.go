package engine

import (
	"maps"
	"slices"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// freeze sets a freeze. What people were asked, or had said, about what it
// holds back is void: they are asked again, and told of it.
func (d *decider) freeze(in Freeze) error {
	s := in.Stop
	s.Kind = StopFreeze
	if d.run.Ended() || slices.ContainsFunc(d.run.Stops, s.Is) {
		return ErrStale
	}
	s.At = d.now
	d.emit(Stopped{Stop: s})
	for _, path := range slices.Sorted(maps.Keys(d.run.Gates)) {
		switch g := d.run.gate(path); g.State {
		case GateOpen, GateApproved:
			if step := d.run.Book.Step(path); step != nil && !d.run.step(path).Done() && !d.begun(step) && !d.goesOn() && holds(s, d.first(step)) {
				d.void(path, "frozen by "+s.By, nil, false)
			}
		default:
		}
	}
	return nil
}

// thaw voids what was asked under a freeze: it is planned and asked anew.
func (d *decider) thaw(why string) {
	for _, q := range d.run.OpenQuestions() {
		if q.Frozen != "" {
			d.void(q.Path, why, nil, false)
		}
	}
}

// frozen is the freeze that holds back what a gate covers, which begins with
// a mutation; nil: there is none. What has begun goes on, and so do undos.
func (d *decider) frozen(gate, first *runbook.Step) *Stop {
	if d.run.gate(gate.Path).BreakGlass != "" || d.begun(gate) || d.goesOn() {
		return nil
	}
	for i := range d.run.Stops {
		if holds(d.run.Stops[i], first) {
			return &d.run.Stops[i]
		}
	}
	return nil
}

// begun reports whether anything was intended under a gate, and maybe voided
// since.
func (d *decider) begun(gate *runbook.Step) bool {
	return slices.ContainsFunc(d.run.Ledger, func(row *Row) bool { return row.Gate == gate.Path })
}

// goesOn reports whether no freeze holds the run back any more: it undoes
// another, or a handler tidies up what it has changed.
func (d *decider) goesOn() bool {
	handling := d.run.Phase == PhaseOnFailure || d.run.Phase == PhaseFinally
	return d.run.Facts.UndoOf != "" || handling && len(d.run.Ledger) > 0
}

// holds reports whether a stop is a freeze that holds a mutation back.
func holds(s Stop, first *runbook.Step) bool {
	return s.Kind == StopFreeze && first != nil && (!s.Rollbacks || !first.RollsBack())
}

// first is the mutation with which a gate's steps would begin, as things
// stand; nil: there is none.
func (d *decider) first(gate *runbook.Step) *runbook.Step {
	for _, m := range d.members(gate) {
		if _, ok := d.foreseen(m); ok {
			return m
		}
	}
	return nil
}

// Frozen says of a freeze by which rule it stands, and until when.
func (s Stop) Frozen() string {
	text := "frozen by " + s.By
	if !s.Until.IsZero() {
		text += " until " + s.Until.Format("2006-01-02 15:04 -07:00")
	}
	return text
}

// says is what people are told of a freeze, its reason included.
func (s *Stop) says() string {
	if s.Reason != "" {
		return s.Frozen() + ": " + s.Reason
	}
	return s.Frozen()
}
