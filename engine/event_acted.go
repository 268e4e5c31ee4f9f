package engine

import "time"

// Acted records how an attempt of a step's own action ended.
type Acted struct {
	Path    string  `json:"path"`
	Attempt int     `json:"attempt"`
	Outcome Outcome `json:"outcome"`
}

// Kind implements [Event].
func (Acted) Kind() string { return "acted" }

func (e Acted) apply(r *Run, at time.Time) {
	r.settle(e.Path, e.Attempt, e.Outcome, at)
}

// settle folds the known outcome of an attempt into its step and its row.
func (r *Run) settle(path string, attempt int, o Outcome, at time.Time) {
	r.setStep(path, func(s *Step) {
		s.Doing, s.Failure, s.Status = DoingNothing, o.Failure, StatusRunning
		if o.Failure == nil {
			s.Outputs, s.ActedAt = o.Outputs, at
		}
		if o.Effect != "" {
			s.Effect = joinEffects(s.Effect, o.Effect)
		}
	})
	if row := r.row(path, attempt); row == nil {
		return
	}
	r.Completed++
	done := r.Completed
	r.setRow(path, attempt, func(row *Row) {
		row.State, row.Completed, row.Left = rowState(o.Effect), done, o.Left
		if len(o.Receipt) > 0 {
			row.Receipt = o.Receipt
		}
	})
}

// joinEffects is the effect of a step over all its attempts: a later attempt
// that did nothing must not hide an earlier one that did.
func joinEffects(a, b Effect) Effect {
	rank := map[Effect]int{EffectNone: 1, EffectApplied: 2, EffectPartial: 3}
	if a == EffectUnknown || rank[b] >= rank[a] {
		return b
	}
	return a
}

func rowState(e Effect) RowState {
	switch e {
	case EffectApplied:
		return RowApplied
	case EffectPartial:
		return RowPartial
	case EffectUnknown:
		return RowUnknown
	default:
		return RowNone
	}
}
