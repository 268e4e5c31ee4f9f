package runbook

import (
	"slices"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// produced reports whether a step behind a gate produces what a name means.
func produced(frame *Frame, name []string, group *Step) bool {
	return len(frame.produced(name, group)) > 0
}

// unforeseen reports whether a step behind a gate produces what a name means, in
// a way that shows only once it has run. A variable that is set on every path, to
// what is known, is foreseen.
func (p *parser) unforeseen(frame *Frame, name []string, group *Step) bool {
	return p.surprises(frame, name, group, map[*Step]bool{})
}

func (p *parser) surprises(frame *Frame, name []string, group *Step, seen map[*Step]bool) bool {
	return slices.ContainsFunc(frame.produced(name, group), func(s *Step) bool {
		if s.Kind != KindSet {
			return true
		}
		for at := s; at != group; at = at.Parent {
			if p.hasIf[at] || at.GateMaySkip() {
				return true
			}
		}
		if seen[s] {
			return false
		}
		seen[s] = true
		return slices.ContainsFunc(s.Set, func(a Assignment) bool {
			return a.Name == name[1] && p.surprising(s.Frame, a.Value, group, seen)
		})
	})
}

// surprising reports whether a value of a frame reads what is not foreseen.
func (p *parser) surprising(frame *Frame, v *expr.Value, group *Step, seen map[*Step]bool) bool {
	return slices.ContainsFunc(v.Programs(), func(program *expr.Program) bool {
		return slices.ContainsFunc(program.Names(), func(name []string) bool {
			switch {
			case len(name) < 2:
				return name[0] == "steps" || name[0] == "vars"
			case name[0] == "inputs" && p.behind(group):
				given := p.by.Call.With.Field(name[1])
				return given != nil && p.outer.surprising(p.by.Frame, given, group, seen)
			default:
				return p.surprises(frame, name[:2], group, seen)
			}
		})
	})
}

// behind reports whether the runbook that is read is called behind a gate.
func (p *parser) behind(group *Step) bool { return p.by != nil && p.by != group && p.by.In(group) }
