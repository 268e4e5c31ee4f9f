package runbook

import "slices"

// Walk calls visit for each step and its members, in the order written.
func Walk(steps []*Step, visit func(*Step)) {
	for _, s := range steps {
		visit(s)
		Walk(s.Steps, visit)
	}
}

// All returns every step, those of the handlers last.
func (r *Runbook) All() []*Step {
	var all []*Step
	Walk(slices.Concat(r.Steps, r.OnFailure, r.Finally), func(s *Step) { all = append(all, s) })
	return all
}

// Mutations returns the steps that change something, in the order written.
func (r *Runbook) Mutations() []*Step {
	return slices.DeleteFunc(r.All(), func(s *Step) bool { return !s.Mutates() })
}

// Gate returns the step whose approve covers this one: itself or the nearest
// group around it; nil if there is none.
func (s *Step) Gate() *Step {
	for at := s; at != nil; at = at.Parent {
		if at.Approve != nil {
			return at
		}
	}
	return nil
}

// In reports whether a step is a group or one of its members.
func (s *Step) In(group *Step) bool {
	for at := s; at != nil; at = at.Parent {
		if at == group {
			return true
		}
	}
	return false
}
