package engine

import (
	"slices"
	"time"
)

// Stopped says that no new mutation begins until the stop is lifted. What
// people had said before it no longer counts. A freeze takes nothing back by
// itself: what it holds back is voided beside it.
type Stopped struct {
	Stop Stop `json:"stop"`
}

// Kind implements [Event].
func (Stopped) Kind() string { return "stopped" }

func (e Stopped) apply(r *Run, at time.Time) {
	r.Stops = append(slices.Clip(r.Stops), e.Stop)
	if e.Stop.Kind == StopFreeze {
		return
	}
	r.uncover(at)
	for path, s := range r.Steps {
		if s.Guarded && !s.Done() {
			r.setStep(path, func(s *Step) { s.Guarded = false })
		}
	}
	r.repause(at)
}

// uncover takes back what people had said about undos: each is looked at
// again, and waits for a person's word.
func (r *Run) uncover(at time.Time) {
	r.UndoWord, r.Uncovered = false, true
	for id, q := range r.Questions {
		if q.Kind == AskResume || q.Kind == AskDrift {
			r.close(id, at)
		}
	}
	r.dropUndoGuards(true)
}
