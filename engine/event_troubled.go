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
	r.Cause = joinCauses(r.Cause, e.Cause, r.Phase)
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
		if e.Cause.Kind == CauseFailure && within(e.Cause.Path, path) {
			status = StatusFailed
		}
		r.setStep(path, func(s *Step) {
			s.Status, s.Doing, s.EndedAt = status, DoingNothing, at
			if path == e.Cause.Path && s.Failure == nil {
				s.Failure = &Failure{Class: e.Cause.Class, Reason: e.Cause.Reason}
			}
		})
	}
	for path, g := range r.Gates {
		if g.State == GatePlanning || g.State == GateOpen || g.State == GateApproved {
			r.setGate(path, func(g *Gate) { g.State = GateIdle })
		}
	}
	r.dropUndoGuards(false)
	r.verifyUndosAgain(at)
	if r.Locks.State == LocksRequested {
		wanted := r.Locks.Identities
		r.Locks = Locks{N: r.Locks.N}
		if r.stop(StopLock) != nil { // what is to be undone needs them
			r.Locks.State, r.Locks.Identities = LocksBroken, wanted
		}
	}
}

// dropUndoGuards takes undos that have not been intended back to where their
// target is looked at; force: a person's word to undo all the same, too.
func (r *Run) dropUndoGuards(force bool) {
	for _, row := range r.Ledger {
		begins := row.Undoing == UndoGuard || row.Undoing == UndoAsk || row.Undoing == UndoRetryWait
		if !begins && !row.forced {
			continue
		}
		r.setRow(row.Path, row.Attempt, func(row *Row) {
			if begins {
				row.Undoing = UndoIdle
			}
			row.forced = row.forced && !force
		})
	}
}

// verifyUndosAgain begins a verify of an undo anew whose question about the
// verdict is closed: the undo has happened, and what came of it must be known.
func (r *Run) verifyUndosAgain(at time.Time) {
	for _, row := range r.Ledger {
		step := r.Book.Step(row.Path)
		if row.Undoing != UndoVerdictAsk || step == nil {
			continue
		}
		r.setRow(row.Path, row.Attempt, func(row *Row) {
			row.Undoing, row.deadline, row.samples, row.nextSample = UndoVerify, at.Add(step.Undo.Verify.Within), nil, at
			row.N++
		})
	}
}

// joinCauses keeps the first cause, which names the run's end, and takes over
// what a later one says about undos and handlers. A person who
// undoes the whole run, or takes it over for good, replaces it. phase is where the later one arose.
func joinCauses(first *Cause, later Cause, phase Phase) *Cause {
	inHandler := phase == PhaseOnFailure || phase == PhaseFinally
	if first == nil || later.Kind == CauseUndo || later.Kind == CauseHandedOver {
		later.InFinally = phase == PhaseFinally && later.Kind == CauseFailure
		return &later
	}
	c := *first
	switch {
	case later.Kind == CauseCancel:
		c.Keep, c.Undo = !later.Undo, later.Undo
	case inHandler && later.Kind == CauseFailure:
		c.Keep = later.Keep // what came before the handler is undone or left by now
	}
	c.ReadOnly = c.ReadOnly || later.ReadOnly
	return &c
}

// mutationOpen reports whether an attempt of a mutation is in flight, or what
// became of it is not known.
func (s *Step) mutationOpen() bool {
	switch s.Doing {
	case DoingAct, DoingFence, DoingProbe, DoingDoubt:
		return true
	default:
		return false
	}
}
