package engine

import (
	"encoding/json"
	"time"
)

// ReadBegan says that an attempt of a step that changes nothing has begun.
type ReadBegan struct {
	Path     string          `json:"path"`
	Attempt  int             `json:"attempt"`
	Input    json.RawMessage `json:"input"`
	Deadline time.Time       `json:"deadline"`
}

// Kind implements [Event].
func (ReadBegan) Kind() string { return "read_began" }

func (e ReadBegan) apply(r *Run, _ time.Time) {
	r.setStep(e.Path, func(s *Step) {
		s.Doing, s.Attempt, s.Input, s.Deadline = DoingRead, e.Attempt, e.Input, e.Deadline
	})
}
