package engine

import "time"

// UndoVerdict records what the verify of an undo found: passed, failed or
// inconclusive; or that a person accepted it.
type UndoVerdict struct {
	Path    string `json:"path"`
	Attempt int    `json:"attempt"`
	Verdict string `json:"verdict"`
	Why     string `json:"why"`
	By      string `json:"by,omitempty"` // of an acceptance: who
}

// Kind implements [Event].
func (UndoVerdict) Kind() string { return "undo_verdict" }

func (e UndoVerdict) apply(r *Run, at time.Time) {
	r.closeAbout(e.Path, at)
	r.setRow(e.Path, e.Attempt, func(row *Row) {
		row.Undoing = UndoVerdictAsk // until what follows from it is said
		row.N++
	})
}
