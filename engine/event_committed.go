package engine

import "time"

// Committed says that what was changed under a top-level step stays, whatever
// happens later: its verify has passed, or a person accepted it.
type Committed struct {
	Path string `json:"path"`
}

// Kind implements [Event].
func (Committed) Kind() string { return "committed" }

func (e Committed) apply(r *Run, _ time.Time) {
	for _, row := range r.Ledger {
		if within(row.Path, e.Path) && row.State == RowApplied {
			r.setRow(row.Path, row.Attempt, func(row *Row) { row.State = RowCommitted })
		}
	}
}
