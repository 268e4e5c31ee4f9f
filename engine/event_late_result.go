package engine

import (
	"maps"
	"time"
)

// LateResult records the outcome of a call whose place in the run was
// decided before. It changes nothing but that the same is not recorded twice.
type LateResult struct {
	ID          string  `json:"id"`
	Outcome     Outcome `json:"outcome"`
	Contradicts bool    `json:"contradicts"` // it says otherwise than what was decided
}

// Kind implements [Event].
func (LateResult) Kind() string { return "late_result" }

func (e LateResult) apply(r *Run, _ time.Time) {
	r.late = maps.Clone(r.late)
	if r.late == nil {
		r.late = map[string]bool{}
	}
	r.late[e.ID] = true
}
