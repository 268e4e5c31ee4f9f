package engine

import "time"

// EffectKept says that what an attempt changed stays changed.
type EffectKept struct {
	Path    string `json:"path"`
	Attempt int    `json:"attempt"`
	Why     string `json:"why"`
	By      string `json:"by,omitempty"`
}

// Kind implements [Event].
func (EffectKept) Kind() string { return "effect_left" }

func (e EffectKept) apply(r *Run, at time.Time) {
	for id, q := range r.Questions {
		if q.Path == e.Path && (q.Kind == AskDrift || q.Kind == AskResume) {
			r.close(id, at)
		}
	}
	r.setRow(e.Path, e.Attempt, func(row *Row) { row.State, row.Undoing, row.Why = RowLeft, UndoIdle, e.Why })
}
