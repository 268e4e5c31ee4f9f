package conformance

import (
	"encoding/json"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/host"
)

// Cases is what a plugin is tried with. Every action that it offers must have
// a case.
type Cases struct {
	Prepare   func(T)        // before each rule; nil: nothing to do
	Sections  []host.Section // each must bind; the reads and mutations act on them
	Refused   []Refused
	Reads     []Read
	Mutations []Mutation
}

// Refused is a section that must not bind.
type Refused struct {
	Section host.Section
	Access  plugins.Effect // empty: Read
	Key     string         // what the error must name
}

// Read is a read action that must succeed, or fail with Class.
type Read struct {
	Service string
	Action  string
	Input   json.RawMessage
	Class   string                             // empty: it must succeed
	Check   func(t T, outputs json.RawMessage) // nil: the contract is enough
}

// Mutation is a mutating action on a target in the state that the test
// prepared. It is tried in every way, run, and undone when it can be.
type Mutation struct {
	Service string
	Action  string
	Input   json.RawMessage
	State   func(t T) string // the target, observed without the plugin
	Drift   func(t T)        // changes what the action would overwrite, behind the plugin's back; nil: it has no precondition
}

func (m Mutation) call(id string) host.Call {
	return host.Call{ID: id, Service: m.Service, Action: m.Action, Input: m.Input}
}
