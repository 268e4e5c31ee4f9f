package engine

import (
	"slices"
	"time"
)

// ChangeSeen says that somebody else has changed the run's service since it
// began. What people were asked, or had said, they could not say knowing that.
type ChangeSeen struct {
	Change ServiceChange `json:"change"`
}

// Kind implements [Event].
func (ChangeSeen) Kind() string { return "change_seen" }

func (e ChangeSeen) apply(r *Run, at time.Time) {
	r.Changes = append(slices.Clip(r.Changes), e.Change)
	r.uncover(at)
}
