package engine

import (
	"slices"
	"time"
)

// VoteCounted records a yes that a gate needs more of.
type VoteCounted struct {
	ID   string `json:"id"` // of the question
	Path string `json:"path"`
	By   string `json:"by"`
}

// Kind implements [Event].
func (VoteCounted) Kind() string { return "vote_counted" }

func (e VoteCounted) apply(r *Run, at time.Time) {
	r.change(e.ID, func(q *Question) { q.Votes = append(slices.Clip(q.Votes), Yes{By: e.By, At: at}) })
}
