package engine

import "time"

// UndoRetryBegan says that the pause before the next try of an undo is over.
type UndoRetryBegan struct {
	Path    string `json:"path"`
	Attempt int    `json:"attempt"`
}

// Kind implements [Event].
func (UndoRetryBegan) Kind() string { return "undo_retry_began" }

func (e UndoRetryBegan) apply(r *Run, _ time.Time) {
	r.setRow(e.Path, e.Attempt, func(row *Row) { row.Undoing = UndoIdle })
}
