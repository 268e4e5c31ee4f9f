package engine

import (
	"slices"
	"time"
)

// QuestionHanded says that somebody who may answer a gate leaves that to
// somebody else, as often as it is asked.
type QuestionHanded struct {
	ID     string `json:"id"`
	Path   string `json:"path"`
	By     string `json:"by"`
	To     string `json:"to"`
	Reason string `json:"reason,omitempty"`
	Via    Via    `json:"via,omitempty"` // how it came; not said of one given on this machine
}

// Kind implements [Event].
func (QuestionHanded) Kind() string { return "question_handed" }

func (e QuestionHanded) apply(r *Run, at time.Time) {
	handed := slices.DeleteFunc(slices.Clone(r.gate(e.Path).Handed), func(h Handed) bool { return h.By == e.By })
	handed = append(handed, Handed{By: e.By, To: e.To})
	r.setGate(e.Path, func(g *Gate) { g.Handed = handed })
	r.change(e.ID, func(q *Question) {
		q.Handed = handed
		q.look(e.By, at)
	})
}
