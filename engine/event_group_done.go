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
	unlocked := false
	for path, s := range r.Steps {
		if path == e.Path || !within(path, e.Path) {
			continue
		}
		unlocked = unlocked || s.Unlocked
		if s.ActedAt.After(latest) {
			latest = s.ActedAt
		}
	}
	if latest.IsZero() {
		latest = at
	}
	r.setStep(e.Path, func(s *Step) {
		s.Doing, s.ActedAt, s.Unlocked, s.Effect = DoingNothing, latest, unlocked, r.effect(e.Path)
	})
}
