package engine

import (
	"slices"
	"time"
)

// VoteCounted records a yes that a gate needs more of.
type VoteCounted struct {
	ID     string `json:"id"` // of the question
	Path   string `json:"path"`
	Digest string `json:"digest,omitempty"` // what was shown
	By     string `json:"by"`
	Via    Via    `json:"via,omitempty"` // how it came; not said of one given on this machine
}

// Kind implements [Event].
func (VoteCounted) Kind() string { return "vote_counted" }

func (e VoteCounted) apply(r *Run, at time.Time) {
	r.change(e.ID, func(q *Question) {
		q.Votes = append(slices.Clip(q.Votes), Yes{By: e.By, At: at})
		q.look(e.By, at)
	})
}
