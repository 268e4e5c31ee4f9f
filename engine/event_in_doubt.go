package engine

import "time"

// InDoubt says that only a person can tell what became of a lost call. Until
// then the run starts no mutation.
type InDoubt struct {
	Path    string `json:"path"`
	Attempt int    `json:"attempt"`
	Undo    bool   `json:"undo,omitempty"`
	Why     string `json:"why"`
}

// Kind implements [Event].
func (InDoubt) Kind() string { return "in_doubt" }

func (e InDoubt) apply(r *Run, _ time.Time) {
	if e.Undo {
		r.setRow(e.Path, e.Attempt, func(row *Row) { row.Undoing = UndoDoubt })
		return
	}
	r.setStep(e.Path, func(s *Step) { s.Status, s.Doing = StatusInDoubt, DoingDoubt })
}
