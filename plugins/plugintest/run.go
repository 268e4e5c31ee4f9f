package plugintest

import (
	"encoding/json"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins/conformance"
	"github.com/firebreak-ops/firebreak/plugins/host"
)

// Cases is what a plugin is tried with. Every action that it offers must have
// a case.
type Cases struct {
	Prepare   func(t *testing.T) // before each rule; nil: nothing to do
	Sections  []host.Section     // each must bind; the reads and mutations act on them
	Refused   []Refused
	Reads     []Read
	Mutations []Mutation
}

// Refused is a section that must not bind.
type Refused = conformance.Refused

// Read is a read action that must succeed, or fail with Class.
type Read struct {
	Service string
	Action  string
	Input   json.RawMessage
	Class   string                                      // empty: it must succeed
	Check   func(t *testing.T, outputs json.RawMessage) // nil: the contract is enough
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

// Run holds the plugin to the contract, each rule in a subtest.
func Run(t *testing.T, spec host.Spec, cases Cases) {
	t.Helper()
	c := conformance.Cases{Sections: cases.Sections, Refused: cases.Refused}
	if cases.Prepare != nil {
		c.Prepare = func(t conformance.T) { cases.Prepare(inner(t)) }
	}
	for _, r := range cases.Reads {
		read := conformance.Read{Service: r.Service, Action: r.Action, Input: r.Input, Class: r.Class}
		if r.Check != nil {
			read.Check = func(t conformance.T, outputs json.RawMessage) { r.Check(inner(t), outputs) }
		}
		c.Reads = append(c.Reads, read)
	}
	for _, m := range cases.Mutations {
		mutation := conformance.Mutation{
			Service: m.Service, Action: m.Action, Input: m.Input,
			State: func(t conformance.T) string { return m.State(inner(t)) },
		}
		if m.Drift != nil {
			mutation.Drift = func(t conformance.T) { m.Drift(inner(t)) }
		}
		c.Mutations = append(c.Mutations, mutation)
	}
	conformance.Run(reporter{t}, spec, c)
}

// reporter reports to the testing package.
type reporter struct{ *testing.T }

var _ conformance.T = reporter{}

func (r reporter) Run(name string, rule func(conformance.T)) {
	r.T.Run(name, func(t *testing.T) { rule(reporter{t}) })
}

// inner is the test that a rule reports to.
func inner(t conformance.T) *testing.T {
	r, _ := t.(reporter) // there is no other here
	return r.T
}
