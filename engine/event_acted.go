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
			s.Outputs, s.ActedAt, s.Unlocked = o.Outputs, at, s.Unlocked || r.stop(StopLock) != nil
		}
	})
	if r.row(path, attempt) == nil {
		return
	}
	r.Completed++
	r.setRow(path, attempt, func(row *Row) {
		row.State, row.Completed, row.Left = rowState(o.Effect), r.Completed, o.Left
		if len(o.Receipt) > 0 {
			row.Receipt = o.Receipt
		}
	})
}
