package plugintest

import (
	"encoding/json"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/host"
)

// Cases is what a plugin is tried with.
type Cases struct {
	Contracts []plugins.Action // of the capabilities that it serves
	Sections  []host.Section   // each must bind; the reads and mutations act on them
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
	Class   string                                      // empty: it must succeed
	Check   func(t *testing.T, outputs json.RawMessage) // nil: the schema is enough
}

// Mutation is a mutating action on a target in the state that the test
// prepared. It is tried in every way, run, and undone when it can be.
type Mutation struct {
	Service string
	Action  string
	Input   json.RawMessage
	State   func(t *testing.T) string // the target, observed without the plugin
	Drift   func(t *testing.T)        // changes what the action would overwrite, behind the plugin's back; nil: it has no precondition
}

func (m Mutation) call(id string) host.Call {
	return host.Call{ID: id, Service: m.Service, Action: m.Action, Input: m.Input}
}
