package engine

import "time"

// WaitBegan says until when a step does nothing.
type WaitBegan struct {
	Path  string    `json:"path"`
	Until time.Time `json:"until"`
}

// Kind implements [Event].
func (WaitBegan) Kind() string { return "wait_began" }

func (e WaitBegan) apply(r *Run, _ time.Time) {
	r.setStep(e.Path, func(s *Step) { s.Doing, s.Deadline = DoingWait, e.Until })
}
