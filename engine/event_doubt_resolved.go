package engine

import "time"

// DoubtResolved records what became of a lost call: a probe, a late result
// or a person said so.
type DoubtResolved struct {
	Path    string  `json:"path"`
	Attempt int     `json:"attempt"`
	Undo    bool    `json:"undo,omitempty"`
	By      string  `json:"by"` // probe, late_result or a person
	Outcome Outcome `json:"outcome"`
}

// Kind implements [Event].
func (DoubtResolved) Kind() string { return "doubt_resolved" }

func (e DoubtResolved) apply(r *Run, at time.Time) {
	if q := r.question(AskDoubt, e.Path); q != nil {
		r.close(q.ID, at)
	}
	if e.Undo {
		r.setRow(e.Path, e.Attempt, func(row *Row) { row.Undoing = UndoIdle })
		return
	}
	r.settle(e.Path, e.Attempt, e.Outcome, at)
}
