package engine

import (
	"encoding/json"
	"time"
)

// GatePlanBegan says that the members of a gate are planned, so that people
// can be shown what they would approve.
type GatePlanBegan struct {
	Path    string                     `json:"path"`
	Members map[string]json.RawMessage `json:"members"` // inputs by path
}

// Kind implements [Event].
func (GatePlanBegan) Kind() string { return "gate_plan_began" }

func (e GatePlanBegan) apply(r *Run, at time.Time) {
	r.setGate(e.Path, func(g *Gate) {
		g.Deadline = at.Add(readTimeout)
		g.State, g.Planned, g.Unplanned, g.Inputs = GatePlanning, map[string]Plan{}, nil, e.Members
		g.Asks++
	})
}
