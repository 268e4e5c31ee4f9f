package engine

import "time"

// QuestionSeen says that somebody who may answer a question has looked at it
// for the first time, and has not answered yet.
type QuestionSeen struct {
	ID   string `json:"id"`
	Path string `json:"path"`
	By   string `json:"by"`
	Via  Via    `json:"via,omitempty"` // how they looked; not said of one who did on this machine
}

// Kind implements [Event].
func (QuestionSeen) Kind() string { return "question_seen" }

func (e QuestionSeen) apply(r *Run, at time.Time) {
	r.change(e.ID, func(q *Question) { q.look(e.By, at) })
}
