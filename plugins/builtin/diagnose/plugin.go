// Package diagnose is the built-in tool that ranks the causes of connection
// exhaustion: diagnose.connections. It is a pure function of what the read
// actions returned. It looks at no clock, network or file, so that a stored
// snapshot gives the same answer for ever.
//
// Each cause is a file of its own: its signature, what it is told apart from,
// and what helps.
package diagnose

import (
	"context"
	"encoding/json"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const actionConnections = "diagnose.connections"

// New returns the plugin.
func New() plugins.Plugin { return plugin{} }

type plugin struct{}

// Describe implements plugins.Plugin.
func (plugin) Describe() plugins.Description {
	connections, _ := capability.Lookup(actionConnections)
	return plugins.Description{
		Name:    "diagnose",
		Version: "1.0.0",
		Actions: []plugins.Action{connections},
		Config:  map[string]json.RawMessage{"": json.RawMessage(`{"type":"object","properties":{"plugin":{"type":"string"}},"additionalProperties":false}`)},
	}
}

// Bind implements plugins.Plugin. There is nothing to configure.
func (plugin) Bind(b plugins.Binding) (plugins.Bound, error) {
	if b.Capability != "" {
		return nil, plugins.Fail(plugins.Invalid, "plugin diagnose is a tool and serves no capability, and so not %q", b.Capability)
	}
	var section map[string]json.RawMessage
	if len(b.Config) > 0 {
		if err := json.Unmarshal(b.Config, &section); err != nil {
			return nil, plugins.Fail(plugins.Invalid, "section of plugin diagnose: %v", err)
		}
	}
	for key := range section {
		if key != "plugin" {
			return nil, plugins.Fail(plugins.Invalid, "section of plugin diagnose: key %q is not known; there is nothing to configure", key)
		}
	}
	return tool{}, nil
}

type tool struct{}

// Resource implements plugins.Bound: a diagnosis acts on nothing.
func (tool) Resource() string { return "" }

// Plan implements plugins.Bound. There is nothing to plan.
func (tool) Plan(context.Context, plugins.Call) (plugins.Plan, error) {
	return plugins.Plan{}, plugins.Fail(plugins.Invalid, "a diagnosis changes nothing, so there is nothing to plan")
}

// Run implements plugins.Bound.
func (tool) Run(ctx context.Context, call plugins.Call, _ plugins.Stream) plugins.Outcome {
	if call.Action != actionConnections {
		return failed(plugins.Fail(plugins.Invalid, "plugin diagnose has no action %q, only %s", call.Action, actionConnections))
	}
	if err := ctx.Err(); err != nil {
		return failed(err)
	}
	in, err := capability.Input[capability.DiagnoseInput](call.Action, call.Input)
	if err != nil {
		return failed(err)
	}
	out, err := json.Marshal(Connections(in))
	if err != nil {
		return failed(err)
	}
	return plugins.Outcome{Applied: plugins.None, Outputs: out}
}

// Probe implements plugins.Bound.
func (tool) Probe(context.Context, plugins.Call, json.RawMessage) plugins.Probed {
	return plugins.Probed{Applied: plugins.None, Reason: "a diagnosis changes nothing"}
}

// Health implements plugins.Bound.
func (tool) Health(context.Context) error { return nil }

// Close implements plugins.Bound.
func (tool) Close() error { return nil }

func failed(err error) plugins.Outcome {
	return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
}
