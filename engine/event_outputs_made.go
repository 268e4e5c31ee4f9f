package engine

import (
	"encoding/json"
	"time"
)

// OutputsMade says what a foreach, a runbook that was called, or the run
// (path empty) returns.
type OutputsMade struct {
	Path    string          `json:"path,omitempty"`
	Outputs json.RawMessage `json:"outputs"`
}

// Kind implements [Event].
func (OutputsMade) Kind() string { return "outputs_made" }

func (e OutputsMade) apply(r *Run, _ time.Time) {
	if e.Path == "" {
		r.Outputs = e.Outputs
		return
	}
	r.setStep(e.Path, func(s *Step) { s.Outputs = e.Outputs })
}
