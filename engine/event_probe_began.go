package engine

import "time"

// ProbeBegan says that a plugin is asked what became of a lost call.
type ProbeBegan struct {
	Path    string `json:"path"`
	Attempt int    `json:"attempt"`
	Undo    bool   `json:"undo,omitempty"`
}

// Kind implements [Event].
func (ProbeBegan) Kind() string { return "probe_began" }

func (e ProbeBegan) apply(r *Run, at time.Time) {
	if e.Undo {
		r.setRow(e.Path, e.Attempt, func(row *Row) {
			row.Undoing, row.deadline = UndoProbe, at.Add(readTimeout)
			row.N++
		})
		return
	}
	r.setStep(e.Path, func(s *Step) {
		s.Doing, s.Deadline = DoingProbe, at.Add(readTimeout)
		s.N++
	})
}
