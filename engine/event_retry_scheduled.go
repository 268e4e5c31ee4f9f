package engine

import "time"

// RetryScheduled says when the next attempt of a step begins.
type RetryScheduled struct {
	Path    string    `json:"path"`
	Attempt int       `json:"attempt"` // the next one
	At      time.Time `json:"at"`
	Class   string    `json:"class"` // of the failure before
	Reason  string    `json:"reason"`
}

// Kind implements [Event].
func (RetryScheduled) Kind() string { return "retry_scheduled" }

func (e RetryScheduled) apply(r *Run, _ time.Time) {
	r.setStep(e.Path, func(s *Step) {
		s.Doing, s.Attempt, s.Deadline, s.Plan = DoingRetryWait, e.Attempt, e.At, nil
	})
}
