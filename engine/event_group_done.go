package engine

import "time"

// GroupDone says that every step of a group has ended; its verify follows.
type GroupDone struct {
	Path string `json:"path"`
}

// Kind implements [Event].
func (GroupDone) Kind() string { return "group_done" }

func (e GroupDone) apply(r *Run, at time.Time) {
	latest, effect := at, EffectNone
	first := true
	for path, s := range r.Steps {
		if path == e.Path || !within(path, e.Path) || s.ActedAt.IsZero() {
			continue
		}
		if first || s.ActedAt.After(latest) {
			latest, first = s.ActedAt, false
		}
		effect = joinEffects(effect, s.Effect)
	}
	r.setStep(e.Path, func(s *Step) { s.Doing, s.ActedAt, s.Effect = DoingNothing, latest, effect })
}
