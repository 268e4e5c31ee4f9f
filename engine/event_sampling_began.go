package engine

import (
	"encoding/json"
	"time"
)

// SamplingBegan says that a verify, or a wait for a condition, is sampled.
type SamplingBegan struct {
	Path     string          `json:"path"`
	Wait     bool            `json:"wait,omitempty"`
	Input    json.RawMessage `json:"input"`
	Deadline time.Time       `json:"deadline"`
}

// Kind implements [Event].
func (SamplingBegan) Kind() string { return "sampling_began" }

func (e SamplingBegan) apply(r *Run, at time.Time) {
	r.closeAbout(e.Path, at)
	r.setStep(e.Path, func(s *Step) {
		s.Doing = DoingVerify
		if e.Wait {
			s.Doing = DoingWait
			s.Attempt = max(s.Attempt, 1)
		}
		s.SampleInput, s.Deadline, s.Samples, s.NextSample = e.Input, e.Deadline, nil, at
		s.N++
	})
}
