package engine

import "time"

// StepUndone says that what an attempt changed is put back.
type StepUndone struct {
	Path    string `json:"path"`
	Attempt int    `json:"attempt"`
	Left    string `json:"left,omitempty"` // fingerprint that the undo left
}

// Kind implements [Event].
func (StepUndone) Kind() string { return "step_undone" }

func (e StepUndone) apply(r *Run, _ time.Time) {
	r.setRow(e.Path, e.Attempt, func(row *Row) { row.State, row.Undoing, row.Left = RowUndone, UndoIdle, e.Left })
	r.setStep(e.Path, func(s *Step) { s.Status = StatusUndone })
}
