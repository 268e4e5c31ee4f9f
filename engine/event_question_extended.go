package engine

import "time"

// QuestionExtended says that a question stays open longer.
type QuestionExtended struct {
	ID      string    `json:"id"`
	Path    string    `json:"path"`
	By      string    `json:"by"`
	Expires time.Time `json:"expires"`
	Via     Via       `json:"via,omitempty"` // how it came; not said of one given on this machine
}

// Kind implements [Event].
func (QuestionExtended) Kind() string { return "question_extended" }

func (e QuestionExtended) apply(r *Run, at time.Time) {
	r.change(e.ID, func(q *Question) {
		q.Expires = e.Expires
		q.Extensions++
		q.look(e.By, at)
	})
}
