package engine

import "time"

// StepStarted says that a step or group has begun: its turn has come and its
// condition holds.
type StepStarted struct {
	Path string `json:"path"`
}

// Kind implements [Event].
func (StepStarted) Kind() string { return "step_started" }

func (e StepStarted) apply(r *Run, at time.Time) {
	r.setStep(e.Path, func(s *Step) {
		s.Status, s.StartedAt, s.PausedFor, s.Effect = StatusRunning, at, r.pausedFor(at), EffectNone
	})
}
