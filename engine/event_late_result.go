package engine

import "time"

// LateResult records the outcome of a call whose place in the run was
// decided before. It changes nothing.
type LateResult struct {
	ID          string  `json:"id"`
	Outcome     Outcome `json:"outcome"`
	Contradicts bool    `json:"contradicts"` // it says otherwise than what was decided
}

// Kind implements [Event].
func (LateResult) Kind() string { return "late_result" }

func (LateResult) apply(*Run, time.Time) {}
