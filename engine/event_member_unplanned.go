package engine

import (
	"maps"
	"time"
)

// MemberUnplanned says that an undo could not be planned at the gate of a run
// that undoes another: it is left out, and what it would undo stays changed.
type MemberUnplanned struct {
	Gate   string `json:"gate"`
	Path   string `json:"path"`
	Class  string `json:"class"`
	Reason string `json:"reason"`
}

// Kind implements [Event].
func (MemberUnplanned) Kind() string { return "member_unplanned" }

func (e MemberUnplanned) apply(r *Run, _ time.Time) {
	r.setGate(e.Gate, func(g *Gate) {
		g.Unplanned = maps.Clone(g.Unplanned)
		if g.Unplanned == nil {
			g.Unplanned = map[string]Failure{}
		}
		g.Unplanned[e.Path] = Failure{Class: e.Class, Reason: e.Reason}
	})
}
