package engine

import (
	"encoding/json"
	"time"
)

// Gate is the state of an approve.
type Gate struct {
	State      GateState
	Announced  bool
	Asks       int // how often it was asked
	Voids      int
	Shown      map[string]Shown           // by path of the member: what people saw
	Planned    map[string]Plan            // by path of the member: what the next question will show
	Unplanned  map[string]Failure         // by path of the member: why it cannot be planned, and is left out
	Inputs     map[string]json.RawMessage // by path of the members that are being planned
	Changed    []string                   // what differed when it was voided
	By         string                     // who decided, the last of a quorum
	Yes        []Yes                      // all who said yes
	Handed     []Handed                   // who has handed the answer to whom
	BreakGlass string
	ValidUntil time.Time
	Deadline   time.Time // by when its members must be planned
}

// GateState is where a gate stands.
type GateState string

// The states of a gate.
const (
	GateIdle     GateState = ""
	GatePlanning GateState = "planning"
	GateOpen     GateState = "open"
	GateApproved GateState = "approved"
	GateConsumed GateState = "consumed" // its first intent is recorded
)

// Shown is what people saw of one member of a gate.
type Shown struct {
	Binding     json.RawMessage `json:"binding,omitempty"`
	Fingerprint string          `json:"fingerprint"`
	Action      string          `json:"action"`
	Served      string          `json:"served"`
	Undo        string          `json:"undo"` // the action that would undo it, or why there is none
	Detail      string          `json:"detail,omitempty"`
	Unit        string          `json:"unit,omitempty"`
	Affected    int             `json:"affected,omitempty"`
	Total       int             `json:"total,omitempty"`
	NoPrecond   bool            `json:"no_precondition,omitempty"`
}

func (r *Run) gate(path string) *Gate {
	if g, ok := r.Gates[path]; ok {
		return g
	}
	return &Gate{}
}

// looked reports whether it is known what a member would do, or that it cannot
// be told.
func (g *Gate) looked(member string) bool {
	_, planned := g.Planned[member]
	_, unplanned := g.Unplanned[member]
	return planned || unplanned
}

func (r *Run) setGate(path string, change func(*Gate)) {
	g := *r.gate(path)
	change(&g)
	r.Gates = owned(r.Gates, &r.own.gates)
	r.Gates[path] = &g
}
