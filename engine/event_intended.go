package engine

import (
	"encoding/json"
	"slices"
	"time"
)

// Intended is written before a mutation is started, and consumes its gate's
// approval. What an undo needs is kept here, so that it outlives a crash.
type Intended struct {
	Path       string          `json:"path"`
	Attempt    int             `json:"attempt"`
	Gate       string          `json:"gate"`
	Action     string          `json:"action"`
	Input      json.RawMessage `json:"input"`
	Expect     string          `json:"expect,omitempty"`
	Undo       json.RawMessage `json:"undo,omitempty"`
	Resource   string          `json:"resource,omitempty"`
	Served     string          `json:"served,omitempty"`
	Generation int             `json:"generation"`
	Deadline   time.Time       `json:"deadline"`
}

// Kind implements [Event].
func (Intended) Kind() string { return "intended" }

func (e Intended) apply(r *Run, at time.Time) {
	if r.ChangedAt.IsZero() {
		r.ChangedAt = at
	}
	r.setGate(e.Gate, func(g *Gate) { g.State = GateConsumed })
	r.setStep(e.Path, func(s *Step) {
		s.Doing, s.Attempt, s.Generation, s.Deadline, s.Guarded = DoingAct, e.Attempt, e.Generation, e.Deadline, false
	})
	row := &Row{
		Path: e.Path, Attempt: e.Attempt, Action: e.Action, Resource: e.Resource, Gate: e.Gate,
		State: RowIntended, Receipt: e.Undo, Served: e.Served,
	}
	r.Ledger = append(slices.Clip(r.Ledger), row)
}
