package engine

import "time"

// Stopped says that no new mutation begins until the stop is lifted. What
// people had said before it no longer counts.
type Stopped struct {
	Stop Stop `json:"stop"`
}

// Kind implements [Event].
func (Stopped) Kind() string { return "stopped" }

func (e Stopped) apply(r *Run, at time.Time) {
	r.Stop, r.UndoWord, r.Uncovered = &e.Stop, false, true
	if q := r.question(AskResume, ""); q != nil {
		r.close(q.ID, at)
	}
	for _, row := range r.Ledger {
		if row.Undoing == UndoGuard {
			r.setRow(row.Path, row.Attempt, func(row *Row) { row.Undoing = UndoIdle })
		}
	}
	r.repause(at)
}
