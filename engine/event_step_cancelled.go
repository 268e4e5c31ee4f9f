package engine

import "time"

// StepStopped ends a step that the run's trouble overtook.
type StepStopped struct {
	Path string `json:"path"`
}

// Kind implements [Event].
func (StepStopped) Kind() string { return "step_cancelled" }

func (e StepStopped) apply(r *Run, at time.Time) {
	r.setStep(e.Path, func(s *Step) { s.Status, s.Doing, s.EndedAt = StatusCancelled, DoingNothing, at })
}
