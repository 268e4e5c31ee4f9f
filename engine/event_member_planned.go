package engine

import (
	"maps"
	"time"
)

// MemberPlanned records what one member of a gate would do.
type MemberPlanned struct {
	Gate string `json:"gate"`
	Path string `json:"path"`
	Plan Plan   `json:"plan"`
}

// Kind implements [Event].
func (MemberPlanned) Kind() string { return "member_planned" }

func (e MemberPlanned) apply(r *Run, _ time.Time) {
	r.setGate(e.Gate, func(g *Gate) {
		g.Planned = maps.Clone(g.Planned)
		if g.Planned == nil {
			g.Planned = map[string]Plan{}
		}
		g.Planned[e.Path] = e.Plan
	})
}
