package engine

import (
	"encoding/json"
	"maps"
)

// UndoOf returns the facts of a run that undoes one that has ended: those of
// that run, and what its ledger says is still changed. before is the last run
// that has undone some of it already; nil: none has. The caller sets who asked
// for it, and why. Where nothing is changed any more, Undo is empty.
func UndoOf(done, before *Run) Facts {
	f := done.Facts
	f.UndoOf, f.Alert, f.Undo, f.Items, f.Called = done.Facts.ID, nil, nil, done.Items, done.Called
	reads, left := false, false
	for _, row := range done.Ledger {
		switch row.State {
		case RowCommitted, RowApplied, RowPartial, RowLeft, RowUndoFailed:
			due := Row{ // what it says, and not how far its undo came
				Path: row.Path, Attempt: row.Attempt, Action: row.Action, Resource: row.Resource, Gate: row.Gate, State: RowCommitted,
				Completed: row.Completed, Receipt: row.Receipt, Left: row.Left, Served: row.Served,
			}
			if back := before.Undid(row.Path, row.Attempt); back != nil { // for those before it: how it left the target
				due.State, due.Left = RowUndone, back.Left
			}
			f.Undo = append(f.Undo, due)
			left = left || due.State == RowCommitted
			step := done.Book.Step(row.Path)
			reads = reads || step != nil && step.Undo != nil && (step.Undo.With != nil || step.Undo.Verify != nil)
		default:
		}
	}
	if !left {
		f.Undo = nil
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

// Undid is the row of a run that undoes another in which it, or one before it,
// has undone a change; nil: none has.
func (r *Run) Undid(path string, attempt int) *Row {
	if r == nil {
		return nil
	}
	back := r.row(path, attempt)
	if back == nil || back.State != RowUndone {
		return nil
	}
	return back
}
