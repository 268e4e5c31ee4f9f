package engine

import "time"

// QuestionDue says that the turn of what was asked early has come: the run
// waits for the answer from now on, and its time begins.
type QuestionDue struct {
	ID        string       `json:"id"`
	Path      string       `json:"path"`
	Expires   time.Time    `json:"expires,omitzero"` // zero: a freeze stands
	Escalates []Escalation `json:"escalates,omitempty"`
}

// Kind implements [Event].
func (QuestionDue) Kind() string { return "question_due" }

func (e QuestionDue) apply(r *Run, at time.Time) {
	r.change(e.ID, func(q *Question) {
		q.Early, q.turn, q.Expires, q.Escalates = false, at, e.Expires, e.Escalates
	})
	r.repause(at)
}
