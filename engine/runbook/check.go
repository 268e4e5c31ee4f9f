package runbook

import (
	"fmt"
	"slices"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// check refuses what each step alone cannot show, in the file and in those
// that it calls.
func (p *parser) check() {
	for _, inner := range p.inner {
		inner.check()
	}
	p.reachable(p.book.Steps)
	p.reachable(p.book.OnFailure)
	p.reachable(p.book.Finally)
	for _, s := range p.own {
		p.never(s.If, s.Pos, "this step")
		switch {
		case s.Kind != KindAction || s.Action == nil:
		case s.Mutates():
			p.mutation(s)
		default:
			p.read(s)
		}
	}
	f := p.newFlow()
	f.conditions()
	f.holes()
	f.tooShort()
	if len(p.found) == 0 { // what cannot be read might read an input
		p.unused()
	}
}

// ofResult refuses a condition on what an action returned that is always
// false, or does not look at it.
func (p *parser) ofResult(condition *expr.Program, at Pos, what string) {
	if condition == nil {
		return
	}
	found := len(p.found)
	p.never(condition, at, what)
	if len(p.found) == found && !condition.Reads("result") {
		p.add(at, "no-result", "the condition does not look at what the action returned", "compare a field of result, such as result.FIELD < 1")
	}
}

// never refuses a condition that reads nothing and is false.
func (p *parser) never(condition *expr.Program, at Pos, what string) {
	if condition == nil || len(condition.Refs()) > 0 {
		return
	}
	if holds, err := condition.Bool(nil); err == nil && !holds {
		if n := p.nodes[condition]; n != nil {
			at = posOf(n)
		}
		p.add(at, "unreachable", "the condition is always false: "+what+" is never reached", "remove it")
	}
}

// reachable refuses steps after one that always ends the run.
func (p *parser) reachable(steps []*Step) {
	for i, s := range steps {
		switch s.Kind {
		case KindCall: // it is looked at where it is written
		case KindParallel:
			for _, member := range s.Steps {
				p.reachable(member.Steps)
			}
		default:
			p.reachable(s.Steps)
		}
		if i+1 < len(steps) && p.ends(s) {
			p.addf(steps[i+1].Pos, "unreachable", "give the fail an if", "this step is never reached: the run always ends in line %d", s.Pos.Line)
			return
		}
	}
}

func (p *parser) ends(s *Step) bool {
	if p.hasIf[s] || s.Approve != nil && s.Approve.OnExpiry == "skip" {
		return false
	}
	if s.Kind == KindForeach { // its list may be empty
		return false
	}
	return s.Kind == KindFail || slices.ContainsFunc(s.Steps, p.ends)
}

// read refuses what only a change has.
func (p *parser) read(s *Step) {
	if s.Undo != nil {
		p.add(s.Undo.Pos, "conflict", s.Uses+" changes nothing: there is nothing to undo", "remove undo")
	}
	if s.Resource != nil {
		p.add(s.Pos, "conflict", s.Uses+" changes nothing: it has no resource to lock", "remove resource")
	}
}

// mutation refuses a change that is not gated, cannot be verified or undone,
// or might be done twice.
func (p *parser) mutation(s *Step) {
	p.gated(s)
	p.verified(s)
	p.undoable(s)
	if s.Retry != nil && s.Retry.Attempts > 1 && !s.Action.Idempotent && !s.Action.Probe {
		p.add(s.Pos, "retry", s.Uses+" may not be retried: it could be done twice, and nothing can tell whether it was done", "remove retry")
	}
	switch tool := s.Action.Capability == ""; {
	case tool && s.Resource == nil:
		p.add(s.Pos, "no-resource", s.Uses+" must name what it changes, for the lock", "write resource: KIND:NAME, such as http:api.example.com/flags")
	case !tool && s.Resource != nil:
		p.add(s.Pos, "conflict", s.Uses+" locks what its service is bound to", "remove resource")
	}
}

func (p *parser) gated(s *Step) {
	gate := s.Gate()
	switch {
	case gate == nil:
		p.missing(s, "no-gate", s.Uses+" changes something and no gate stands before it", "give it, or a group around it, an approve")
	case s.Action.Effect == EffectIrreversible && gate != s:
		p.add(s.Pos, "no-gate", s.Uses+" cannot be made undone and needs an approve of its own", "")
	}
	for group := s.Parent; group != nil; group = group.Parent {
		if group.Approve != nil {
			p.knownAtGate(s, group)
		}
	}
}

func (p *parser) verified(s *Step) {
	for at := s; at != nil; at = at.Parent {
		if at.Verify != nil {
			return
		}
	}
	p.missing(s, "no-verify", s.Uses+" changes something and nothing verifies it", "give it, or a group around it, a verify")
}

// missing reports what neither a step has nor anything around it: in the
// runbook that is read, at the step, or where that calls the runbook of the step.
func (p *parser) missing(s *Step, id, what, hint string) {
	p.outside(s.Pos, id, what, hint, func(*parser) bool { return true })
}

// outside reports a problem of a called runbook where it is called, as far out
// as it is the caller's.
func (p *parser) outside(at Pos, id, what, hint string, callers func(*parser) bool) {
	for ; p.outer != nil && callers(p); p = p.outer {
		what = fmt.Sprintf("%s, in line %d of %s: %s", p.book.Name, at.Line, p.file, what)
		at = p.by.Pos
	}
	p.add(at, id, what, hint)
}

func (p *parser) undoable(s *Step) {
	undo, by := s.Undo, s.Action.Undo
	switch {
	case undo == nil && by != "":
		p.add(s.Pos, "no-undo", s.Uses+" has no undo", "write undo: {uses: "+by+"}")
	case undo == nil:
		p.add(s.Pos, "no-undo", s.Uses+" has no undo", "write undo: {none: why it cannot be undone}")
	case undo.None != "" || undo.Action == nil:
	case undo.Uses == by && undo.Action.Effect == EffectIrreversible:
		p.add(undo.Pos, "wrong-undo", undo.Uses+" cannot be made undone itself, and an undo runs without being asked about again", "write undo: {none: why}")
	case undo.Uses == by:
	case by == "":
		p.add(undo.Pos, "wrong-undo", s.Uses+" cannot be undone: no action takes its receipt", "write undo: {none: why}")
	default:
		p.add(undo.Pos, "wrong-undo", undo.Uses+" does not take the receipt of "+s.Uses, by+" does")
	}
}

// knownAtGate refuses an input that is known only once a step behind the same
// gate has run: people would approve what nobody can show them.
func (p *parser) knownAtGate(s, group *Step) {
	p.known([]*expr.Value{s.With, s.Resource}, group)
	for at := s.Parent; at != nil && at != group; at = at.Parent {
		if at.Each != nil {
			p.writer(at).known([]*expr.Value{at.Each.List}, group)
		}
	}
}

// writer is the parser of the file in which a step is written: this one, or
// that of a runbook that calls it.
func (p *parser) writer(s *Step) *parser {
	for p.outer != nil && p.by.In(s) {
		p = p.outer
	}
	return p
}

// known refuses values that a step behind a gate produces.
func (p *parser) known(values []*expr.Value, group *Step) {
	for _, value := range values {
		for _, program := range value.Programs() {
			for _, ref := range program.Refs() {
				switch {
				case p.full:
					return
				case p.producedIn(ref, group):
					p.outside(p.src.locate(p.nodes[program], ref.At), "unknown-at-gate",
						"not known when the gate asks: it comes from a step behind the same gate",
						"read it before the group, or give this step an approve of its own outside it",
						func(p *parser) bool { return p.by != group && p.by.In(group) })
				case ref.Path[0] == "inputs" && len(ref.Path) > 1 && p.by != nil && p.by != group && p.by.In(group):
					if given := p.by.Call.With.Field(ref.Path[1]); given != nil {
						p.outer.known([]*expr.Value{given}, group)
					}
				}
			}
		}
	}
}

// producedIn reports whether a group's steps produce what an expression reads.
func (p *parser) producedIn(ref expr.Ref, group *Step) bool {
	if len(ref.Path) != 2 {
		return false
	}
	switch ref.Path[0] {
	case "steps":
		producer := p.byID[ref.Path[1]]
		return producer != nil && producer.In(group)
	case "vars":
		produced := false
		Walk(group.Steps, func(s *Step) {
			for _, a := range s.Set {
				produced = produced || a.Name == ref.Path[1] && slices.Contains(p.own, s)
			}
		})
		return produced
	}
	return false
}
