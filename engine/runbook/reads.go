package runbook

import (
	"slices"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// moment is when an expression of a step is evaluated.
type moment int

const (
	before moment = iota // whether the step is reached, before its if is known
	during               // once the if holds
	after                // after what is in it: a verify
	undone               // when it is undone, perhaps much later
)

// reading is an expression of a step.
type reading struct {
	program *expr.Program
	when    moment
}

// readings returns every expression of a step itself.
func (s *Step) readings() []reading {
	var all []reading
	add := func(when moment, programs ...*expr.Program) {
		for _, program := range programs {
			if program != nil {
				all = append(all, reading{program, when})
			}
		}
	}
	add(before, s.If)
	for _, v := range s.values() {
		add(during, v.Programs()...)
	}
	add(during, s.Until)
	if s.Guard != nil {
		add(during, slices.Concat(s.Guard.With.Programs(), []*expr.Program{s.Guard.That})...)
	}
	if s.Verify != nil {
		add(after, slices.Concat(s.Verify.With.Programs(), []*expr.Program{s.Verify.Until})...)
	}
	if s.Undo != nil {
		add(undone, s.Undo.With.Programs()...)
		if v := s.Undo.Verify; v != nil {
			add(undone, slices.Concat(v.With.Programs(), []*expr.Program{v.Until})...)
		}
	}
	return all
}

// values returns what a step is given to do.
func (s *Step) values() []*expr.Value {
	values := []*expr.Value{s.With, s.Resource, s.Text}
	if s.Each != nil {
		values = append(values, s.Each.List)
	}
	if s.Call != nil {
		values = append(values, s.Call.With)
	}
	for _, a := range s.Set {
		values = append(values, a.Value)
	}
	return values
}

// producer is the step that an id means in the file, or nil.
func (p *parser) producer(id string) *Step { return p.byID[id] }

// up is the group around a step, in the same file; nil: there is none.
func (p *parser) up(s *Step) *Step {
	if s.Parent == p.by {
		return nil
	}
	return s.Parent
}

// members are the steps in a group that are written in the same file.
func (s *Step) members() []*Step {
	if s.Call != nil {
		return nil
	}
	return s.Steps
}

// ownSteps are the steps of the file, in the order written.
func (p *parser) ownSteps() []*Step { return p.own }
