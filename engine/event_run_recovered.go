package engine

import (
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// RunRecovered says that a new generation of the runtime has taken the run
// over. Open deadlines have moved by the time that no runtime was there.
type RunRecovered struct {
	Generation int             `json:"generation"`
	Down       time.Duration   `json:"down_ns"`
	Pins       *Pins           `json:"pins,omitempty"`  // set when they changed
	Roles      map[string]Role `json:"roles,omitempty"` // set with them: who decides from now on
}

// Kind implements [Event].
func (RunRecovered) Kind() string { return "run_recovered" }

func (e RunRecovered) apply(r *Run, at time.Time) {
	r.Generation = e.Generation
	if e.Pins != nil {
		r.Facts.Pins = *e.Pins
		if e.Roles != nil {
			r.Facts.Roles = e.Roles
		}
		r.uncover(at)
	}
	r.forgetDowntime(e.Down, at)
	for id := range r.Questions {
		r.change(id, func(q *Question) {
			q.since, q.turn = q.since.Add(e.Down), q.turn.Add(e.Down)
			q.Looked = slices.Clone(q.Looked)
			for i := range q.Looked {
				q.Looked[i].At = q.Looked[i].At.Add(e.Down)
			}
			if q.Expires.IsZero() {
				return
			}
			q.Expires = q.Expires.Add(e.Down)
			q.Escalates = slices.Clone(q.Escalates)
			for i := range q.Escalates {
				q.Escalates[i].At = q.Escalates[i].At.Add(e.Down)
			}
		})
	}
	for path := range r.Gates {
		r.setGate(path, func(g *Gate) {
			g.Deadline = at.Add(readTimeout)
			if g.State == GateApproved {
				g.ValidUntil = g.ValidUntil.Add(e.Down)
			}
		})
	}
	for path, s := range r.Steps {
		step := r.Book.Step(path)
		if step == nil || s.Done() {
			continue
		}
		r.setStep(path, func(s *Step) { s.recover(step, e.Down, at) })
	}
	for _, row := range r.Ledger {
		switch row.Undoing {
		case UndoGuard, UndoProbe:
			r.setRow(row.Path, row.Attempt, func(row *Row) { row.deadline = at.Add(readTimeout) })
		case UndoVerify:
			r.setRow(row.Path, row.Attempt, func(row *Row) {
				row.deadline, row.samples, row.nextSample = row.deadline.Add(e.Down), nil, at
			})
		default:
		}
	}
}

// forgetDowntime keeps the time without a runtime out of the account of
// people, and out of what timeouts count.
func (r *Run) forgetDowntime(down time.Duration, at time.Time) {
	if !r.Asking.IsZero() {
		r.Asking = r.Asking.Add(down)
	}
	if r.pausedSince.IsZero() {
		r.PausedFor += down
	}
	r.repause(at)
}

// recover gives reads their full time again, and conditions the time that
// nobody looked. A plain wait goes on by the clock.
func (s *Step) recover(step *runbook.Step, down time.Duration, at time.Time) {
	switch s.Doing {
	case DoingPlan, DoingGuard, DoingProbe:
		s.Deadline = at.Add(readTimeout)
	case DoingRead:
		s.Deadline = at.Add(limit(step, readTimeout))
	case DoingWait, DoingVerify:
		if s.Doing == DoingWait && step.Uses == "" {
			return
		}
		s.Deadline = s.Deadline.Add(down)
		s.Samples, s.NextSample = nil, at
	default:
	}
}
