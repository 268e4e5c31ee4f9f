package engine

import (
	"encoding/json"
	"time"
)

// GuardBegan says that a guard is read.
type GuardBegan struct {
	Path  string          `json:"path"`
	Input json.RawMessage `json:"input"`
}

// Kind implements [Event].
func (GuardBegan) Kind() string { return "guard_began" }

func (e GuardBegan) apply(r *Run, at time.Time) {
	r.setStep(e.Path, func(s *Step) {
		s.Doing, s.GuardInput, s.Deadline = DoingGuard, e.Input, at.Add(readTimeout)
		s.N++
	})
}
