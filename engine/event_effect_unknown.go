package engine

import "time"

// EffectLost says that nobody knows how much of a mutation, or of an undo,
// took effect. Nothing of it can still arrive after Until.
type EffectLost struct {
	Path    string    `json:"path"`
	Attempt int       `json:"attempt"`
	Undo    bool      `json:"undo,omitempty"`
	Class   string    `json:"class"`
	Reason  string    `json:"reason"`
	Until   time.Time `json:"until"`
}

// Kind implements [Event].
func (EffectLost) Kind() string { return "effect_unknown" }

func (e EffectLost) apply(r *Run, _ time.Time) {
	if e.Undo {
		r.setRow(e.Path, e.Attempt, func(row *Row) {
			row.Undoing, row.deadline, row.Why = UndoFence, e.Until, e.Reason
		})
		return
	}
	r.setStep(e.Path, func(s *Step) {
		s.Doing, s.Deadline = DoingFence, e.Until
		s.Failure = &Failure{Class: e.Class, Reason: e.Reason}
	})
	r.setRow(e.Path, e.Attempt, func(row *Row) { row.State = RowUnknown })
}
