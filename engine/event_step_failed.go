package engine

import "time"

// StepFailed ends a step or group badly.
type StepFailed struct {
	Path   string `json:"path"`
	Class  string `json:"class"`
	Reason string `json:"reason"`
	Effect Effect `json:"effect"`
}

// Kind implements [Event].
func (StepFailed) Kind() string { return "step_failed" }

func (e StepFailed) apply(r *Run, at time.Time) {
	for path, s := range r.Steps {
		if path != e.Path && within(path, e.Path) && !s.Done() { // of a group: what still goes on in it is cut
			r.closeAbout(path, at)
			r.setStep(path, func(s *Step) { s.Status, s.Doing, s.EndedAt = StatusCancelled, DoingNothing, at })
		}
	}
	r.closeAbout(e.Path, at)
	r.setStep(e.Path, func(s *Step) {
		s.Status, s.Doing, s.EndedAt = StatusFailed, DoingNothing, at
		s.Failure = &Failure{Class: e.Class, Reason: e.Reason}
		s.Outputs = nil
	})
}
