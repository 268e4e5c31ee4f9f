package engine

import "time"

// UndoRetryScheduled says that an undo that is known not to have happened is
// tried again.
type UndoRetryScheduled struct {
	Path    string    `json:"path"`
	Attempt int       `json:"attempt"`
	At      time.Time `json:"at"`
	Class   string    `json:"class"`
	Reason  string    `json:"reason"`
}

// Kind implements [Event].
func (UndoRetryScheduled) Kind() string { return "undo_retry_scheduled" }

func (e UndoRetryScheduled) apply(r *Run, _ time.Time) {
	r.setRow(e.Path, e.Attempt, func(row *Row) {
		row.Undoing, row.deadline = UndoRetryWait, e.At
		row.tries++
	})
}
