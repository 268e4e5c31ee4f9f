package engine

import "time"

// QuestionAnnounced says that a gate will ask, as soon as it is known what.
type QuestionAnnounced struct {
	Path  string   `json:"path"`
	Roles []string `json:"roles"`
}

// Kind implements [Event].
func (QuestionAnnounced) Kind() string { return "question_announced" }

func (e QuestionAnnounced) apply(r *Run, _ time.Time) {
	r.setGate(e.Path, func(g *Gate) { g.Announced = true })
}
