package engine

import (
	"slices"
	"time"
)

// VoteWithdrawn takes back a yes while the gate needs more of them.
type VoteWithdrawn struct {
	ID     string `json:"id"` // of the question
	Path   string `json:"path"`
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
}

// Kind implements [Event].
func (VoteWithdrawn) Kind() string { return "vote_withdrawn" }

func (e VoteWithdrawn) apply(r *Run, _ time.Time) {
	r.change(e.ID, func(q *Question) {
		q.Votes = slices.DeleteFunc(slices.Clone(q.Votes), func(y Yes) bool { return y.By == e.By })
	})
}
