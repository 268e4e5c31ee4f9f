package engine

import "time"

// GateVoided says that what people were asked, or had answered, no longer
// holds. The rest of what the gate covers is planned and asked again.
type GateVoided struct {
	Path    string   `json:"path"`
	Why     string   `json:"why"`
	Changed []string `json:"changed,omitempty"` // what differs from what was shown
	Drift   bool     `json:"drift"`             // counts towards asking whether to go on asking
}

// Kind implements [Event].
func (GateVoided) Kind() string { return "gate_voided" }

func (e GateVoided) apply(r *Run, at time.Time) {
	if q := r.question(AskGate, e.Path); q != nil {
		r.close(q.ID, at)
	}
	r.setGate(e.Path, func(g *Gate) {
		g.State, g.Planned, g.By, g.Yes, g.BreakGlass, g.Changed = GateIdle, nil, "", nil, "", e.Changed
		if e.Drift {
			g.Voids++
		}
	})
	for path, s := range r.Steps {
		if !within(path, e.Path) || s.Done() {
			continue
		}
		switch s.Doing {
		case DoingPlan, DoingGuard, DoingNothing:
			r.setStep(path, func(s *Step) { s.Doing, s.Plan, s.Guarded = DoingNothing, nil, false })
		case DoingChildren:
			r.setStep(path, func(s *Step) { s.Guarded = false })
		default:
		}
	}
}
