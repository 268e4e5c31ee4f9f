package engine

import "time"

// LockBroken says that a person took the run's locks away. Others may have
// them from then on.
type LockBroken struct {
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
}

// Kind implements [Event].
func (LockBroken) Kind() string { return "lock_broken" }

func (LockBroken) apply(r *Run, _ time.Time) {
	r.Locks.State = LocksBroken
	for path, s := range r.Steps {
		if s.Doing == DoingLock {
			r.setStep(path, func(s *Step) { s.Doing = DoingNothing })
		}
		if !s.ActedAt.IsZero() || s.mutationOpen() {
			r.setStep(path, func(s *Step) { s.Unlocked = true })
		}
	}
	for _, row := range r.Ledger {
		switch row.Undoing {
		case UndoAct, UndoFence, UndoProbe, UndoDoubt, UndoVerify, UndoVerdictAsk:
			r.setRow(row.Path, row.Attempt, func(row *Row) { row.unlocked = true })
		default:
		}
	}
}
