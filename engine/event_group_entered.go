package engine

import "time"

// GroupEntered says that the steps of a group may begin.
type GroupEntered struct {
	Path string `json:"path"`
}

// Kind implements [Event].
func (GroupEntered) Kind() string { return "group_entered" }

func (e GroupEntered) apply(r *Run, _ time.Time) {
	r.setStep(e.Path, func(s *Step) { s.Doing = DoingChildren })
}
