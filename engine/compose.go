package engine

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// prepare takes what a group needs before its gate: the list of a foreach, the
// inputs of a runbook that is called. A foreach without items is over, and
// nobody is asked. It reports whether it decided something.
func (d *decider) prepare(step *runbook.Step) bool {
	switch {
	case step.Each != nil && !step.Each.Unrolled:
		items, err := d.items(step)
		if err != nil {
			d.fail(step, "expression", err.Error())
			return true
		}
		d.emit(ItemsKnown{Path: step.Path, Items: items})
		return true
	case step.Each != nil && len(step.Steps) == 0:
		d.emit(OutputsMade{Path: step.Path, Outputs: json.RawMessage("[]")})
		d.emit(StepSucceeded{Path: step.Path})
		return true
	case step.Call != nil && !d.run.called(step.Path):
		given, err := d.run.given(step.Call.Frame)
		if err != nil {
			d.fail(step, "expression", err.Error())
			return true
		}
		d.emit(Called{Path: step.Path, Inputs: given})
		return true
	default:
		return false
	}
}

// items evaluates the list of a foreach.
func (d *decider) items(step *runbook.Step) ([]json.RawMessage, error) {
	raw, err := d.value(step.Frame, step.Each.List)
	if err != nil {
		return nil, err
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil || items == nil {
		return nil, fmt.Errorf("the list of %s is %s", step.Path, clip(raw))
	}
	if len(items) > runbook.MaxItems {
		return nil, fmt.Errorf("the list of %s has %d items; the limit is %d", step.Path, len(items), runbook.MaxItems)
	}
	if n := d.run.Book.Unrolled(step, len(items)); n > runbook.MaxUnrolled {
		return nil, fmt.Errorf("with the %d items of %s the run would have %d steps; the limit is %d", len(items), step.Path, n, runbook.MaxUnrolled)
	}
	return items, nil
}

func clip(raw json.RawMessage) string {
	if len(raw) > 100 {
		return string(raw[:100]) + "..."
	}
	return string(raw)
}

// unroll makes the list of a foreach known before its turn, where nothing can
// change it any more.
func (d *decider) unroll(step *runbook.Step) bool {
	for _, program := range step.Each.List.Programs() {
		if !d.settledNames(step.Frame, program) {
			return false
		}
	}
	items, err := d.items(step)
	if err != nil {
		return false // its turn shows
	}
	d.emit(ItemsKnown{Path: step.Path, Items: items})
	return true
}

// unrollIn does so for every foreach in a group whose gate asks.
func (d *decider) unrollIn(group *runbook.Step) bool {
	for _, s := range group.Steps {
		if d.run.step(s.Path).Done() {
			continue
		}
		if s.Each != nil && !s.Each.Unrolled {
			if d.unroll(s) {
				return true
			}
			continue
		}
		if d.unrollIn(s) {
			return true
		}
	}
	return false
}

// window advances the items of a foreach, some of them side by side.
func (d *decider) window(step *runbook.Step) (moved, done bool) {
	open := 0
	for _, item := range step.Steps {
		if d.run.step(item.Path).Done() {
			continue
		}
		if open == step.Each.Concurrency {
			return false, false
		}
		open++
		if d.step(item) {
			return true, false
		}
	}
	return false, open == 0
}

// returned says what a group returns whose steps have all ended. It reports
// whether the group failed for that.
func (d *decider) returned(step *runbook.Step) (failed bool) {
	var raw json.RawMessage
	var err error
	switch {
	case step.Each != nil:
		raw, err = d.itemOutputs(step)
	case step.Call != nil && step.Call.Outputs != nil:
		raw, err = d.value(step.Call.Frame, step.Call.Outputs)
	default:
		return false
	}
	if err != nil {
		d.fail(step, "expression", err.Error())
		return true
	}
	d.emit(OutputsMade{Path: step.Path, Outputs: raw})
	return false
}

// itemOutputs are those of the steps of each item, by id, in the order of the
// items. What an item has not done is null.
func (d *decider) itemOutputs(step *runbook.Step) (json.RawMessage, error) {
	list := make([]map[string]json.RawMessage, len(step.Steps))
	for i, item := range step.Steps {
		list[i] = map[string]json.RawMessage{}
		for id, s := range item.Frame.IDs() {
			if _, returns := step.Each.Outputs.Elem.Fields[id]; !returns {
				continue
			}
			if list[i][id] = d.run.step(s.Path).Outputs; list[i][id] == nil {
				list[i][id] = json.RawMessage("null")
			}
		}
	}
	return json.Marshal(list)
}

// runOutputs says what the run returns, once its main part went well. It
// reports whether it decided something.
func (d *decider) runOutputs() bool {
	outputs := d.run.Book.Outputs
	if d.run.Phase != PhaseRunning || outputs == nil || d.run.Outputs != nil {
		return false
	}
	raw, err := d.value(d.run.Book.Frame, outputs)
	if err != nil {
		d.troubleAt("", "expression", err.Error())
		return true
	}
	d.emit(OutputsMade{Outputs: raw})
	return true
}

// forgives returns the item of a foreach that may fail with one of its steps:
// few enough have failed, and it leaves nothing changed and nothing unknown.
func (d *decider) forgives(step *runbook.Step) *runbook.Step {
	for item := step.ItemOf(); item != nil; item = item.Parent.ItemOf() {
		failed := 0
		for _, other := range item.Parent.Steps {
			if d.run.step(other.Path).Status == StatusFailed {
				failed++
			}
		}
		if failed < item.Parent.Each.MaxFailures && !d.uncommitted(item.Path) && !d.openUnder(item.Path) {
			return item
		}
	}
	return nil
}

// called reports whether this very run has called the runbook of the step at a
// path.
func (r *Run) called(path string) bool {
	_, called := r.Called[path] // one without inputs is nil once it is read from the journal
	return called
}

// itemsUnder are the lists of every foreach that is one of these steps, or in
// one.
func (r *Run) itemsUnder(steps []*runbook.Step) []ItemsKnown {
	var out []ItemsKnown
	for _, known := range r.Items {
		if slices.ContainsFunc(steps, func(s *runbook.Step) bool { return within(known.Path, s.Path) }) {
			out = append(out, known)
		}
	}
	return out
}
