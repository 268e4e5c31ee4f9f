package engine

import "time"

// UndoForced says that a person wants an undo although its target is not what
// the action left.
type UndoForced struct {
	Path    string `json:"path"`
	Attempt int    `json:"attempt"`
	By      string `json:"by"`
	Over    string `json:"over,omitempty"` // fingerprint of what they were shown; nothing else is overwritten
}

// Kind implements [Event].
func (UndoForced) Kind() string { return "undo_forced" }

func (e UndoForced) apply(r *Run, _ time.Time) {
	r.setRow(e.Path, e.Attempt, func(row *Row) { row.Undoing, row.forced, row.over = UndoIdle, true, e.Over })
}
