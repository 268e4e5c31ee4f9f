package engine

import (
	"encoding/json"
	"time"
)

// PlanBegan says that the turn of a mutation has come: it is planned, and
// compared with what people saw.
type PlanBegan struct {
	Path     string          `json:"path"`
	Attempt  int             `json:"attempt"`
	Input    json.RawMessage `json:"input"`
	Resource string          `json:"resource,omitempty"`
}

// Kind implements [Event].
func (PlanBegan) Kind() string { return "plan_began" }

func (e PlanBegan) apply(r *Run, at time.Time) {
	r.setStep(e.Path, func(s *Step) {
		s.Deadline = at.Add(readTimeout)
		s.Doing, s.Attempt, s.Input, s.Resource, s.Plan = DoingPlan, e.Attempt, e.Input, e.Resource, nil
		s.N++
	})
}
