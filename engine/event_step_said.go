package engine

import "time"

// StepSaid keeps the last lines that a call said which failed, or of which
// nobody knows what became. It changes nothing.
type StepSaid struct {
	Path    string   `json:"path"`
	Attempt int      `json:"attempt"`
	Undo    bool     `json:"undo,omitempty"` // the call of its undo
	Lines   []string `json:"lines"`
}

// Kind implements [Event].
func (StepSaid) Kind() string { return "step_said" }

func (StepSaid) apply(*Run, time.Time) {}
