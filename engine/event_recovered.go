package engine

import (
	"maps"
	"time"
)

// RunRecovered says that a new generation of the runtime has taken the run
// over. Open deadlines have moved by the time that no runtime was there.
type RunRecovered struct {
	Generation int           `json:"generation"`
	Down       time.Duration `json:"down_ns"`
	Pins       *Pins         `json:"pins,omitempty"` // set when they changed
}

// Kind implements [Event].
func (RunRecovered) Kind() string { return "run_recovered" }

func (e RunRecovered) apply(r *Run, at time.Time) {
	r.Generation = e.Generation
	if e.Pins != nil {
		r.Facts.Pins = *e.Pins
	}
	r.repause(at)
	r.PausedFor += e.Down
	r.Questions = maps.Clone(r.Questions)
	for id, q := range r.Questions {
		if !q.Expires.IsZero() {
			c := *q
			c.Expires = c.Expires.Add(e.Down)
			r.Questions[id] = &c
		}
	}
	for path, g := range r.Gates {
		if g.State == GateApproved {
			r.setGate(path, func(g *Gate) { g.ValidUntil = g.ValidUntil.Add(e.Down) })
		}
	}
	for path, s := range r.Steps {
		if s.Doing == DoingVerify || s.Doing == DoingWait {
			r.setStep(path, func(s *Step) {
				s.Deadline = s.Deadline.Add(e.Down)
				s.Samples, s.NextSample = nil, at
			})
		}
	}
}
