package engine

import "time"

// StepSucceeded ends a step or group well, its verify included.
type StepSucceeded struct {
	Path string `json:"path"`
}

// Kind implements [Event].
func (StepSucceeded) Kind() string { return "step_succeeded" }

func (e StepSucceeded) apply(r *Run, at time.Time) {
	r.setStep(e.Path, func(s *Step) {
		s.Status, s.Doing, s.EndedAt, s.Failure = StatusSucceeded, DoingNothing, at, nil
	})
}
