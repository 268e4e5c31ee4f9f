package engine

import "time"

// GroupDone says that every step of a group has ended; its verify follows.
type GroupDone struct {
	Path string `json:"path"`
}

// Kind implements [Event].
func (GroupDone) Kind() string { return "group_done" }

func (e GroupDone) apply(r *Run, at time.Time) {
	var latest time.Time
	for path, s := range r.Steps {
		if path != e.Path && within(path, e.Path) && s.ActedAt.After(latest) {
			latest = s.ActedAt
		}
	}
	if latest.IsZero() {
		latest = at
	}
	r.setStep(e.Path, func(s *Step) { s.Doing, s.ActedAt, s.Effect = DoingNothing, latest, r.effect(e.Path) })
}
