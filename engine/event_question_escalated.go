package engine

import (
	"slices"
	"time"
)

// QuestionEscalated says that nobody has answered in the time of the roles
// before, and that the next one is asked, too.
type QuestionEscalated struct {
	ID   string `json:"id"`
	Path string `json:"path"`
	Role string `json:"role"`
}

// Kind implements [Event].
func (QuestionEscalated) Kind() string { return "question_escalated" }

func (e QuestionEscalated) apply(r *Run, _ time.Time) {
	r.change(e.ID, func(q *Question) {
		q.Escalates = slices.Clone(q.Escalates)
		for i := range q.Escalates {
			if q.Escalates[i].Role == e.Role {
				q.Escalates[i].Asked = true
			}
		}
	})
}
