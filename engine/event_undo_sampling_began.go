package engine

import (
	"encoding/json"
	"time"
)

// UndoSamplingBegan says that an undo has happened, and that it is sampled
// whether what it put back works.
type UndoSamplingBegan struct {
	Path     string          `json:"path"`
	Attempt  int             `json:"attempt"`
	Input    json.RawMessage `json:"input"`
	Deadline time.Time       `json:"deadline"`
	Left     string          `json:"left,omitempty"` // fingerprint that the undo left
}

// Kind implements [Event].
func (UndoSamplingBegan) Kind() string { return "undo_sampling_began" }

func (e UndoSamplingBegan) apply(r *Run, at time.Time) {
	r.closeAbout(e.Path, at)
	r.setRow(e.Path, e.Attempt, func(row *Row) {
		row.Undoing, row.deadline, row.samples, row.nextSample = UndoVerify, e.Deadline, nil, at
		row.sampleInput, row.undoneLeft = e.Input, e.Left
		row.N++
	})
}
