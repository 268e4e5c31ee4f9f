package runbook

import (
	"fmt"
	"maps"
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
		p.expired(s, p.day)
		switch {
		case s.Kind != KindAction || s.Action == nil:
		case s.Mutates():
			p.mutation(s)
		default:
			p.read(s)
		}
	}
	f := p.newFlow()
	p.flow = f
	f.conditions()
	f.holes()
	f.tooShort()
	f.races()
	if len(p.found) == 0 { // what cannot be read might read an input
		p.unused()
	}
}

// ofResult refuses a condition on what an action returned that is always
// false, or does not look at it.
func (p *parser) ofResult(condition *expr.Program, of *Action, at Pos, what string) {
	if condition == nil {
		return
	}
	found := len(p.found)
	p.never(condition, at, what)
	if len(p.found) == found && !looksAt(condition, resultOf(of)) {
		p.add(at, "no-result", "the condition does not look at what the action returned", "compare a field of result, such as result.FIELD < 1")
	}
}

// looksAt reports whether a condition reads a field of the result, or the whole of
// one that may have any.
func looksAt(condition *expr.Program, result *expr.Type) bool {
	return slices.ContainsFunc(condition.Refs(), func(ref expr.Ref) bool {
		return ref.Path[0] == "result" && (len(ref.Path) > 1 || result.Fields == nil)
	})
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
	if p.hasIf[s] || s.GateMaySkip() {
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
		p.add(p.written[s].at("resource"), "conflict", s.Uses+" changes nothing: it has no resource to lock", "remove resource")
	}
}

// mutation refuses a change that is not gated, cannot be verified or undone,
// or might be done twice.
func (p *parser) mutation(s *Step) {
	p.gated(s)
	p.verified(s)
	p.undoable(s)
	if s.Retry != nil && s.Retry.Attempts > 1 && !s.Action.Idempotent && !s.Action.Probe {
		p.add(p.written[s].at("retry"), "retry", s.Uses+" may not be retried: it could be done twice, and nothing can tell whether it was done", "remove retry")
	}
	switch tool := s.Action.Capability == ""; {
	case tool && s.Resource == nil:
		p.add(s.Pos, "no-resource", s.Uses+" must name what it changes, for the lock", "write resource: KIND:NAME, such as http:api.example.com/flags")
	case !tool && s.Resource != nil:
		p.add(p.written[s].at("resource"), "conflict", s.Uses+" locks what its service is bound to", "remove resource")
	}
}

func (p *parser) gated(s *Step) {
	gate := s.Gate()
	switch {
	case gate == nil && p.tried(s, "approve"):
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
	if p.tried(s, "verify") {
		return
	}
	p.missing(s, "no-verify", s.Uses+" changes something and nothing verifies it", "give it, or a group around it, a verify")
}

// tried reports whether a key stands at a step or around it, and could not be
// read: that is said there.
func (p *parser) tried(s *Step, key string) bool {
	for at := s; at != nil; at = at.Parent {
		if p.written[at].has(key) {
			return true
		}
	}
	return false
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
	case undo == nil && p.written[s].has("undo"): // it could not be read, and that is said there
	case undo == nil && by != "":
		p.add(s.Pos, "no-undo", s.Uses+" has no undo", "write undo: {uses: "+by+"}")
	case undo == nil:
		p.add(s.Pos, "no-undo", s.Uses+" has no undo", "write undo: {none: why it cannot be undone}")
	case undo.None != "" || undo.Action == nil:
	case undo.Uses == by && undo.Action.Effect == EffectIrreversible:
		p.add(undo.Pos, "wrong-undo", undo.Uses+" cannot be made undone itself, and an undo runs without being asked about again", "write undo: {none: why}")
	case undo.Uses == by:
		p.sameTarget(s)
	case by == "":
		p.add(undo.Pos, "wrong-undo", s.Uses+" cannot be undone: no action takes its receipt", "write undo: {none: why}")
	default:
		p.add(undo.Pos, "wrong-undo", undo.Uses+" does not take the receipt of "+s.Uses, by+" does")
	}
}

// sameTarget refuses an undo of something else than was changed, as far as both
// are written out.
func (p *parser) sameTarget(s *Step) {
	undo := s.Undo
	if undo.With == nil || undo.Action.Input == nil { // else it gets the receipt
		return
	}
	for _, name := range slices.Sorted(maps.Keys(undo.Action.Input.Fields)) {
		if !undo.Action.Input.Fields[name].Target {
			continue
		}
		changed, undone := s.With.Field(name), undo.With.Field(name)
		if s.Uses != undo.Uses && changed == nil {
			changed = s.With // it says so in another word
		}
		if was, is := inputOf(changed), inputOf(undone); was != "" && is != "" && was != is {
			p.addf(undo.Pos, "wrong-undo", "undo what was changed, or leave with out: the undo then gets the receipt",
				"the step changes the %s that inputs.%s says, and this would undo that of inputs.%s", name, was, is)
			return
		}
		switch {
		case len(undone.Programs()) > 0:
			continue
		case undone != nil && len(changed.Programs()) > 0:
			p.addf(undo.Pos, "wrong-undo", "undo what was changed, or leave with out: the undo then gets the receipt",
				"what the step changes shows in the run, and this would always undo %s %s", name, literal(undone))
			return
		case changed == s.With:
			continue
		}
		if was, is := literal(changed), literal(undone); was != is {
			p.addf(undo.Pos, "wrong-undo", "undo what was changed, or leave with out: the undo then gets the receipt",
				"the step changes %s %s, and this would undo %s", name, was, is)
			return
		}
	}
}

// inputOf is the input of the runbook that a value is; empty: it is something else.
func inputOf(v *expr.Value) string {
	if v == nil || v.Whole() == nil {
		return ""
	}
	path, _ := v.Whole().Path()
	if len(path) != 2 || path[0] != "inputs" {
		return ""
	}
	return path[1]
}

// literal is a value without templates, for people.
func literal(v *expr.Value) string {
	if v == nil {
		return "none"
	}
	is, err := v.Eval(nil)
	if err != nil {
		return ""
	}
	return fmt.Sprint(is)
}

// knownAtGate refuses an input that is known only once a step behind the same
// gate has run: people would approve what nobody can show them.
func (p *parser) knownAtGate(s, group *Step) {
	p.known(s.Frame, s.With, group, p.unforeseen)
	p.known(s.Frame, s.Resource, group, produced)
	for at := s.Parent; at != nil && at != group; at = at.Parent {
		if at.Each != nil {
			p.writer(at).known(at.Frame, at.Each.List, group, produced)
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

// known refuses a value of a frame that a step behind a gate produces, but for
// what is foreseen.
func (p *parser) known(frame *Frame, value *expr.Value, group *Step, unknown func(frame *Frame, name []string, group *Step) bool) {
	for _, program := range value.Programs() {
		for _, ref := range program.Refs() {
			switch {
			case p.full:
				return
			case len(ref.Path) == 2 && unknown(frame, ref.Path, group):
				p.outside(p.src.locate(p.nodes[program], ref.At), "unknown-at-gate",
					"not known when the gate asks: it comes from a step behind the same gate",
					"read it before the group, or give this step an approve of its own outside it",
					func(p *parser) bool { return p.behind(group) })
			case ref.Path[0] == "inputs" && len(ref.Path) > 1 && p.behind(group):
				if given := p.by.Call.With.Field(ref.Path[1]); given != nil {
					p.outer.known(p.by.Frame, given, group, unknown)
				}
			}
		}
	}
}
