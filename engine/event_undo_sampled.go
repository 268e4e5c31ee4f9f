package engine

import (
	"encoding/json"
	"slices"
	"time"
)

// UndoSampled records one sample of the verify of an undo.
type UndoSampled struct {
	Path    string          `json:"path"`
	Attempt int             `json:"attempt"`
	Sample  Sample          `json:"sample"`
	Answer  json.RawMessage `json:"answer,omitempty"` // what was read
	Next    time.Time       `json:"next"`             // when the next one is taken, if it comes to that
}

// Kind implements [Event].
func (UndoSampled) Kind() string { return "undo_sampled" }

func (e UndoSampled) apply(r *Run, _ time.Time) {
	r.setRow(e.Path, e.Attempt, func(row *Row) {
		row.samples = append(slices.Clip(row.samples), e.Sample)
		row.nextSample = e.Next
		row.N++
	})
}
