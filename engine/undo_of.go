package engine

import (
	"encoding/json"
	"maps"
)

// UndoOf returns the facts of a run that undoes one that has ended: those of
// that run, and what its ledger says is still changed. The caller sets who
// asked for it, and why. Where nothing is changed, Undo is empty.
func UndoOf(done *Run) Facts {
	f := done.Facts
	f.UndoOf, f.Alert, f.Undo, f.Items, f.Called = done.Facts.ID, nil, nil, done.Items, done.Called
	reads := false
	for _, row := range done.Ledger {
		switch row.State {
		case RowCommitted, RowApplied, RowPartial, RowLeft, RowUndoFailed:
			f.Undo = append(f.Undo, Row{ // what it says, and not how far its undo came
				Path: row.Path, Attempt: row.Attempt, Action: row.Action, Resource: row.Resource, Gate: row.Gate, State: RowCommitted,
				Completed: row.Completed, Receipt: row.Receipt, Left: row.Left, Served: row.Served,
			})
			step := done.Book.Step(row.Path)
			reads = reads || step != nil && step.Undo != nil && (step.Undo.With != nil || step.Undo.Verify != nil)
		default:
		}
	}
	if !reads {
		return f
	}
	f.Carried, f.Vars = map[string]Carried{}, map[string]json.RawMessage{} // what the undos read
	maps.Copy(f.Vars, done.Vars)
	for path, s := range done.Steps {
		if s.Done() {
			f.Carried[path] = Carried{Status: s.Status, Outputs: s.Outputs, Effect: s.Effect, Failure: s.Failure}
		}
	}
	return f
}
