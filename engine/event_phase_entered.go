package engine

import "time"

// PhaseEntered says where the run stands.
type PhaseEntered struct {
	Phase Phase `json:"phase"`
}

// Kind implements [Event].
func (PhaseEntered) Kind() string { return "phase_entered" }

func (e PhaseEntered) apply(r *Run, _ time.Time) {
	r.Phase = e.Phase
	if e.Phase == PhaseOnFailure || e.Phase == PhaseFinally {
		r.Reached = e.Phase
	}
}
