package engine

import "time"

// StepPlanned records what a mutation would do, asked at its turn.
type StepPlanned struct {
	Path string `json:"path"`
	Plan Plan   `json:"plan"`
}

// Kind implements [Event].
func (StepPlanned) Kind() string { return "step_planned" }

func (e StepPlanned) apply(r *Run, _ time.Time) {
	r.setStep(e.Path, func(s *Step) { s.Plan, s.Doing = &e.Plan, DoingNothing })
}
