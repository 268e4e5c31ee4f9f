package engine

import "time"

// UndoAsked records a person's word that the run is to be undone. It covers
// the undos under every stop that stands now.
type UndoAsked struct {
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
}

// Kind implements [Event].
func (UndoAsked) Kind() string { return "undo_asked" }

func (e UndoAsked) apply(r *Run, _ time.Time) {
	r.UndoWord, r.Uncovered, r.UndoEnded = true, false, false
	for _, row := range r.Ledger {
		if row.State == RowLeft || row.State == RowUndoFailed {
			r.setRow(row.Path, row.Attempt, func(row *Row) { row.State, row.Why = RowApplied, "" })
		}
	}
}
