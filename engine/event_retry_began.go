package engine

import "time"

// RetryBegan says that the pause before an attempt is over.
type RetryBegan struct {
	Path    string `json:"path"`
	Attempt int    `json:"attempt"`
}

// Kind implements [Event].
func (RetryBegan) Kind() string { return "retry_began" }

func (e RetryBegan) apply(r *Run, _ time.Time) {
	r.setStep(e.Path, func(s *Step) { s.Doing, s.Failure = DoingNothing, nil })
}
