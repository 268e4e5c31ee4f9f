package runbook

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// races refuses what would go differently by chance: members of a parallel of
// which one sets a variable that another sets or reads, and changes of one
// thing side by side.
func (f *flow) races() {
	for _, s := range f.steps {
		switch {
		case s.Kind == KindParallel:
			f.variableRaces(s)
			f.changeRaces(s)
		case s.Each != nil && s.Each.Concurrency > 1:
			f.itemRaces(s)
		}
	}
}

func (f *flow) variableRaces(parallel *Step) {
	var set, read []map[string][]*Step // of each member, by the name of the variable
	for _, member := range parallel.members() {
		set, read = append(set, uses(member, parallel.Frame, setBy)), append(read, uses(member, parallel.Frame, readBy))
	}
	told := map[*Step]bool{}
	for i := range set {
		for j := range set {
			for _, name := range slices.Sorted(maps.Keys(set[j])) {
				if j < i {
					f.race(set[i][name], set[j][name], parallel, told, "set them one after the other, or give them two names",
						"the step in line %d, which runs beside this one, sets vars.%s, too: which comes last is chance", name)
				}
				if j != i {
					f.race(read[i][name], set[j][name], parallel, told, "read it behind the parallel, or give one of them another name",
						"the step in line %d, which runs beside this one, sets vars.%s: which comes first is chance", name)
				}
			}
		}
	}
}

func setBy(s *Step) []string {
	var names []string
	for _, a := range s.Set {
		names = append(names, a.Name)
	}
	return names
}

func readBy(s *Step) []string {
	var names []string
	for _, r := range s.readings() {
		for _, name := range r.program.Names() {
			if name[0] == "vars" && len(name) > 1 {
				names = append(names, name[1])
			}
		}
	}
	return names
}

// uses are the steps that use a variable of a frame, by its name: of a step
// itself and those inside it. Those of an item are its own.
func uses(s *Step, frame *Frame, names func(*Step) []string) map[string][]*Step {
	all := map[string][]*Step{}
	Walk([]*Step{s}, func(s *Step) {
		if s.Frame != frame {
			return
		}
		for _, name := range names(s) {
			all[name] = append(all[name], s)
		}
	})
	return all
}

// race refuses each step beside the first of others that it may meet, once.
func (f *flow) race(late, early []*Step, beside *Step, told map[*Step]bool, hint, format, name string) {
	for _, s := range late {
		for _, other := range early {
			if !told[s] && !f.apart(other, s, beside) {
				told[s] = true
				f.p.add(s.Pos, "race", fmt.Sprintf(format, other.Pos.Line, name), hint)
			}
		}
	}
}

// changeRaces refuses members of a parallel that change one thing, as far as
// what they change is written out.
func (f *flow) changeRaces(parallel *Step) {
	first := map[string]*Step{} // that changes it, and is written in this file
	for _, member := range parallel.members() {
		mine := map[string]*Step{}
		Walk([]*Step{member}, func(s *Step) {
			target, templates := targetOf(s)
			if target == "" || len(templates) > 0 && s.Frame != parallel.Frame {
				return
			}
			at := f.written(s)
			if mine[target] = at; first[target] != nil && !f.apart(first[target], at, parallel) {
				f.p.addf(at.Pos, "race", "change it one after the other: use steps instead of parallel",
					"the step in line %d, which runs beside this one, changes %s, too: which comes last is chance", first[target].Pos.Line, target)
			}
		})
		for target, s := range mine {
			if first[target] == nil {
				first[target] = s
			}
		}
	}
}

// itemRaces refuses a foreach of which several items change one thing at once.
func (f *flow) itemRaces(each *Step) {
	if list := each.Each.List; list != nil && list.Len() == 1 {
		return
	}
	Walk(each.Steps, func(s *Step) {
		if target, templates := targetOf(s); target != "" && f.outside(templates, s, each) {
			f.p.addf(f.written(s).Pos, "race", "leave concurrency out, or change what the item names",
				"the items of the foreach in line %d, which go on side by side, all change %s", each.Pos.Line, target)
		}
	})
}

// written is the step of this file by which a step of a called runbook is
// there, or the step itself.
func (f *flow) written(s *Step) *Step {
	for f.p.written[s].nodes == nil && s.Parent != nil {
		s = s.Parent
	}
	return s
}

// targetOf says in words what a step gives a new state, where its input names
// that, and which templates that takes.
func targetOf(s *Step) (target string, templates []*expr.Program) {
	if s.Kind != KindAction || s.Action == nil || s.Action.Capability == "" || s.Action.Undo != s.Uses || s.Action.Input == nil {
		return "", nil
	}
	capability, _, _ := strings.Cut(s.Uses, ".")
	if s.Action.Input.Target { // there is one of each service
		return "the " + capability, nil
	}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(s.Action.Input.Fields)) {
		v := s.With.Field(name)
		if v == nil || !s.Action.Input.Fields[name].Target {
			continue
		}
		switch programs := v.Programs(); {
		case len(programs) == 0:
			words = append(words, name+" "+literal(v))
		case v.Whole() != nil:
			words, templates = append(words, name+" "+strings.TrimSpace(v.Whole().Source())), append(templates, v.Whole())
		default:
			return "", nil
		}
	}
	if len(words) == 0 {
		return "", nil
	}
	return strings.Join(words, ", ") + " of the " + capability, templates
}

// outside reports whether templates mean the same in every item of a foreach.
func (f *flow) outside(templates []*expr.Program, s, each *Step) bool {
	return !slices.ContainsFunc(templates, func(program *expr.Program) bool {
		return slices.ContainsFunc(program.Names(), func(name []string) bool {
			return s.Frame != each.Steps[0].Frame || name[0] == "item" || len(name) < 2 || len(s.Frame.produced(name[:2], each)) > 0
		})
	})
}

// apart reports whether of two members of a parallel never both run: their
// conditions exclude each other.
func (f *flow) apart(one, other, parallel *Step) bool {
	w := f.way[other]
	about := rootsOf(other.If)
	if other.If != nil {
		w = &way{before: w, holding: holding{other.If, true}}
	}
	for at := one; at != parallel; at = at.Parent {
		if at.If == nil {
			continue
		}
		w = &way{before: w, holding: holding{at.If, true}}
		for name := range rootsOf(at.If) {
			about[name] = true
		}
	}
	_, never := f.impossible(w, other, about)
	return never
}
