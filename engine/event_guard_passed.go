package engine

import "time"

// GuardPassed says that a guard was true. Of a step it counts only for the
// intent in the same transaction, of a group until a stop or drift.
type GuardPassed struct {
	Path string `json:"path"`
}

// Kind implements [Event].
func (GuardPassed) Kind() string { return "guard_passed" }

func (e GuardPassed) apply(r *Run, _ time.Time) {
	r.setStep(e.Path, func(s *Step) { s.Doing, s.Guarded = DoingNothing, true })
}
