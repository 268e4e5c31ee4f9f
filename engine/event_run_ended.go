package engine

import "time"

// RunEnded is the last decision of a run. Its locks are free in the same
// transaction.
type RunEnded struct {
	Word     Word          `json:"word"`
	Changed  []string      `json:"changed,omitempty"` // what stays changed and is not verified
	AskedFor time.Duration `json:"asked_for_ns"`      // how long people were waited for
}

// Kind implements [Event].
func (RunEnded) Kind() string { return "run_ended" }

func (e RunEnded) apply(r *Run, at time.Time) {
	for id := range r.Questions {
		r.close(id, at)
	}
	r.Phase, r.Word, r.EndedAt = PhaseEnded, e.Word, at
	if r.Locks.State != LocksNone {
		r.Locks.State = LocksReleased
	}
}
