package engine

import (
	"slices"
	"time"
)

// StopLifted says that a stop is over.
type StopLifted struct {
	Stop    StopKind `json:"stop"`
	Service string   `json:"service,omitempty"`
	By      string   `json:"by"`
}

// Kind implements [Event].
func (StopLifted) Kind() string { return "stop_lifted" }

func (e StopLifted) apply(r *Run, at time.Time) {
	r.lift(Stop{Kind: e.Stop, Service: e.Service, By: e.By}, at)
}

// lift takes a stop away.
func (r *Run) lift(s Stop, at time.Time) {
	r.Stops = slices.DeleteFunc(slices.Clone(r.Stops), s.Is)
	r.repause(at)
}
