package engine

import "time"

// UndoFailed says that what an attempt changed could not be put back. No
// other undo is begun, and handlers only read.
type UndoFailed struct {
	Path    string `json:"path"`
	Attempt int    `json:"attempt"`
	Class   string `json:"class"`
	Reason  string `json:"reason"`
}

// Kind implements [Event].
func (UndoFailed) Kind() string { return "undo_failed" }

func (e UndoFailed) apply(r *Run, _ time.Time) {
	r.UndoEnded = true
	r.setRow(e.Path, e.Attempt, func(row *Row) {
		row.State, row.Undoing, row.Why = RowUndoFailed, UndoIdle, e.Reason
	})
}
