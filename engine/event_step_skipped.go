package engine

import "time"

// SkippedByCondition is why a step is passed over whose condition is false.
const SkippedByCondition = "its condition is false"

// StepSkipped says that a step or group is passed over.
type StepSkipped struct {
	Path string `json:"path"`
	Why  string `json:"why"`
	By   string `json:"by,omitempty"`
}

// Kind implements [Event].
func (StepSkipped) Kind() string { return "step_skipped" }

func (e StepSkipped) apply(r *Run, at time.Time) {
	skip := func(path string) {
		r.closeAbout(path, at)
		r.setStep(path, func(s *Step) {
			s.Status, s.Doing, s.EndedAt, s.Outputs = StatusSkipped, DoingNothing, at, nil
		})
	}
	for path, s := range r.Steps {
		if within(path, e.Path) && !s.Done() {
			skip(path)
		}
	}
	skip(e.Path)
}
