package engine

import "time"

// Troubled says that the run does not go on, and why. What is in flight ends
// and is recorded; nothing new begins until then.
type Troubled struct {
	Cause   Cause       `json:"cause"`
	Failure *RunFailure `json:"failure,omitempty"`
}

// Kind implements [Event].
func (Troubled) Kind() string { return "troubled" }

func (e Troubled) apply(r *Run, at time.Time) {
	r.Cause = joinCauses(r.Cause, e.Cause)
	if r.Failed == nil {
		r.Failed = e.Failure
	}
	r.Phase = PhaseStopping
	for id, q := range r.Questions {
		if q.Kind != AskDoubt {
			r.close(id, at)
		}
	}
	for path, s := range r.Steps {
		if s.Done() || s.mutationOpen() {
			continue
		}
		status := StatusCancelled
		if within(e.Cause.Path, path) && e.Cause.Kind == CauseFailure {
			status = StatusFailed
		}
		r.setStep(path, func(s *Step) { s.Status, s.Doing, s.EndedAt = status, DoingNothing, at })
	}
	for path, g := range r.Gates {
		if g.State == GatePlanning || g.State == GateOpen || g.State == GateApproved {
			r.setGate(path, func(g *Gate) { g.State = GateIdle })
		}
	}
	if r.Locks.State == LocksRequested {
		r.Locks = Locks{}
	}
}

// joinCauses keeps the first cause, which names the run's end, and takes over
// what a later one says about undos and handlers. Only a person's undo of the
// whole run replaces it.
func joinCauses(first *Cause, later Cause) *Cause {
	if first == nil || later.Kind == CauseUndo {
		return &later
	}
	c := *first
	if later.Kind == CauseCancel {
		c.Keep, c.Undo = !later.Undo, later.Undo
	}
	c.ReadOnly = c.ReadOnly || later.ReadOnly
	return &c
}

// mutationOpen reports whether an attempt of a mutation is in flight, or what
// became of it is not known.
func (s *Step) mutationOpen() bool {
	if s.Generation == 0 {
		return false
	}
	switch s.Doing {
	case DoingAct, DoingFence, DoingProbe, DoingDoubt:
		return true
	default:
		return false
	}
}
