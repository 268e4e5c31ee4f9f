package forecast

import (
	"slices"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// visit calls for each step that may happen, and its members.
func visit(steps []*Step, see func(*Step)) {
	for _, s := range steps {
		if s.Happens == Skipped {
			continue
		}
		see(s)
		visit(s.Steps, see)
	}
}

// touches sums what changes touch, by unit, in the order in which the units
// come.
func touches(steps []*Step) []Touch {
	var out []Touch
	visit(steps, func(s *Step) {
		if s.Plan == nil {
			return
		}
		i := slices.IndexFunc(out, func(t Touch) bool { return t.Unit == s.Plan.Unit })
		if i < 0 {
			out, i = append(out, Touch{Unit: s.Plan.Unit}), len(out)
		}
		out[i].Affected += s.Plan.Affected
	})
	return out
}

// undos are those that would run in trouble after the last change, latest
// first. What was verified at the top is not undone any more.
func undos(steps []*Step) []*Undo {
	for _, s := range slices.Backward(steps) {
		var out []*Undo
		visit([]*Step{s}, func(s *Step) {
			if s.Undo != nil {
				out = append(out, s.Undo)
			}
		})
		if len(out) > 0 {
			slices.Reverse(out)
			return out
		}
	}
	return nil
}

// Fails reports whether a run would fail as things are: at a step of which
// nothing else decides whether it is done.
func (f *Forecast) Fails() bool {
	fails := f.Failure != nil
	visit(f.Steps, func(s *Step) {
		fails = fails || s.Happens == Would && (s.Failure != nil || s.Kind == runbook.KindFail)
	})
	return fails
}
