package forecast

import (
	"encoding/json"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// unroll gives a foreach a group for each item of its list, and returns the
// step that holds them. Where the list is not known it keeps its template.
func (w *walk) unroll(s *runbook.Step, f *Step) *runbook.Step {
	if s.Each == nil {
		return s
	}
	f.Each = &Each{Concurrency: s.Each.Concurrency, MaxFailures: s.Each.MaxFailures}
	if !s.Each.Unrolled {
		raw, needs := w.value(s.Frame, s.Each.List, &f.Failure)
		var items []json.RawMessage
		if f.Each.Needs = needs; raw == nil || json.Unmarshal(raw, &items) != nil {
			return s
		}
		w.apply(engine.ItemsKnown{Path: s.Path, Items: items})
		s = w.run.Book.Step(s.Path)
		f.step = s
	}
	n := len(s.Steps)
	f.Each.Items = &n
	return s
}

// inside is what is known of the steps inside a step, before their own
// conditions: an item of a list that is not known may be none.
func inside(f *Step) Happens {
	if f.Each != nil && f.Each.Items == nil {
		return Depends
	}
	return f.Happens
}

// call gives a runbook that is called its inputs.
func (w *walk) call(s *runbook.Step, f *Step) {
	if s.Call == nil {
		return
	}
	f.Call = s.Call.Name
	if w.called == nil {
		w.called = map[string]Happens{}
	}
	if w.called[s.Path] = f.Happens; f.Happens == Skipped || f.Happens == Done {
		return
	}
	if f.Needs = w.needs(s.Frame, s.Call.With.Programs()...); len(f.Needs) > 0 {
		return
	}
	given, err := w.run.Given(s.Call.Frame)
	if err != nil {
		f.Failure = &engine.Failure{Class: "expression", Reason: err.Error()}
		return
	}
	w.apply(engine.Called{Path: s.Path, Inputs: given})
}

// knowsInputs reports whether the inputs of the runbook that a frame belongs to
// are known.
func (w *walk) knowsInputs(f *runbook.Frame) bool {
	around := f.Around()
	root := around[len(around)-1]
	if _, called := w.run.Called[root.Path]; called || root.Call == nil {
		return true
	}
	return len(w.needs(root.Outer, root.Call.With.Programs()...)) == 0
}

// knowsVar reports whether the value of a variable is known: of the nearest
// frame that has one.
func (w *walk) knowsVar(f *runbook.Frame, name string) bool {
	for _, at := range f.Around() {
		key := engine.VariableKey(at, name)
		if w.unset[key] {
			return false
		}
		if _, set := w.run.Vars[key]; set {
			return true
		}
	}
	return true
}

// knowsItem reports whether the frame is that of an item that is known.
func knowsItem(f *runbook.Frame) bool {
	for _, at := range f.Around() {
		if at.Each != nil {
			return at.Item != nil
		}
	}
	return true
}
