package engine

import (
	"encoding/json"
	"time"
)

// UndoBegan says that an undo is planned, to see that its target still is
// what the action left.
type UndoBegan struct {
	Path    string          `json:"path"`
	Attempt int             `json:"attempt"`
	Input   json.RawMessage `json:"input,omitempty"` // set when the runbook writes its own
}

// Kind implements [Event].
func (UndoBegan) Kind() string { return "undo_began" }

func (e UndoBegan) apply(r *Run, at time.Time) {
	r.setRow(e.Path, e.Attempt, func(row *Row) {
		row.Undoing, row.input, row.deadline = UndoGuard, e.Input, at.Add(readTimeout)
		row.N++
	})
}
