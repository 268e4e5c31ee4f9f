package engine

import (
	"encoding/json"
	"slices"
	"time"
)

// Sampled records one sample of a verify or a wait.
type Sampled struct {
	Path   string          `json:"path"`
	Sample Sample          `json:"sample"`
	Answer json.RawMessage `json:"answer,omitempty"` // what was read
	Next   time.Time       `json:"next"`             // when the next one is taken, if it comes to that
}

// Kind implements [Event].
func (Sampled) Kind() string { return "sampled" }

func (e Sampled) apply(r *Run, _ time.Time) {
	r.setStep(e.Path, func(s *Step) {
		s.Samples = append(slices.Clip(s.Samples), e.Sample)
		s.NextSample = e.Next
		s.N++
	})
}
