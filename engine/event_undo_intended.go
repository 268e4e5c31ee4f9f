package engine

import (
	"encoding/json"
	"time"
)

// UndoIntended is written before an undo is started.
type UndoIntended struct {
	Path       string          `json:"path"`
	Attempt    int             `json:"attempt"`
	Action     string          `json:"action"`
	Expect     string          `json:"expect,omitempty"`
	Undo       json.RawMessage `json:"undo,omitempty"` // what its plan returned, for a probe
	Served     string          `json:"served,omitempty"`
	Generation int             `json:"generation"`
	Deadline   time.Time       `json:"deadline"`
}

// Kind implements [Event].
func (UndoIntended) Kind() string { return "undo_intended" }

func (e UndoIntended) apply(r *Run, _ time.Time) {
	r.setRow(e.Path, e.Attempt, func(row *Row) {
		row.Undoing, row.expect, row.generation, row.deadline = UndoAct, e.Expect, e.Generation, e.Deadline
		row.planned, row.unlocked = e.Undo, false
		row.undos++
	})
}
