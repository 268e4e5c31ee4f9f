// Package exec is the built-in that runs commands of this machine. It can run
// only what the configuration names, as an argument list and never through a
// shell, and nothing at all until something is named there.
//
// An effect belongs to an action and not to a call: exec.run is a mutation
// whatever the command, and exec.read runs only commands that the
// configuration says only read.
package exec

import (
	"context"
	"encoding/json"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

type plugin struct{}

// New returns the plugin.
func New() plugins.Plugin { return plugin{} }

func (plugin) Describe() plugins.Description {
	return plugins.Description{
		Name: "exec", Version: "1.0.0",
		Config: map[string]json.RawMessage{"": schema[config]()},
		Actions: []plugins.Action{
			{
				Name: "exec.read", Effect: plugins.Read, Input: schema[input](), Output: schema[output](), Idempotent: true,
				Doc: "Runs a command that the configuration says only reads.",
			},
			{
				Name: "exec.run", Effect: plugins.Mutate, Input: schema[input](), Output: schema[output](), NoPrecondition: true,
				// A command dies with the plugin, and its group with it unless
				// the plugin is killed: what a command leaves running then, nobody can tell.
				SettlesIn: time.Second,
				Doc:       "Runs a command that the configuration names.",
			},
		},
	}
}

func (plugin) Bind(b plugins.Binding) (plugins.Bound, error) {
	if b.Capability != "" {
		return nil, plugins.Fail(plugins.Invalid, "plugin exec serves exec.*, not %q", b.Capability)
	}
	cfg, err := parseConfig(b.Config)
	if err != nil {
		return nil, plugins.Fail(plugins.Invalid, "%v", err)
	}
	return &bound{commands: cfg.Commands, access: b.Access}, nil
}

// bound is the list of commands. Its fields do not change.
type bound struct {
	commands map[string]command
	access   plugins.Effect
}

// Resource is empty: a command names its own.
func (b *bound) Resource() string { return "" }

func (b *bound) Plan(_ context.Context, call plugins.Call) (plugins.Plan, error) {
	if call.Action != "exec.run" {
		return plugins.Plan{}, plugins.Fail(plugins.Invalid, "plugin exec has no mutating action %q", call.Action)
	}
	c, in, err := b.command(call)
	if err != nil {
		return plugins.Plan{}, err
	}
	resource := c.resource(in)
	binding, err := plugins.Canonical(map[string]any{"resource": resource, "command": in.Command, "argv": c.argv(in), "dir": c.Dir})
	if err != nil {
		return plugins.Plan{}, err
	}
	return plugins.Plan{
		Binding: binding, Detail: shown(c.Dir, c.argv(in)), Resource: resource,
		BlastRadius: plugins.BlastRadius{Unit: "commands", Affected: 1},
	}, nil
}

// command finds what a call may run.
func (b *bound) command(call plugins.Call) (command, input, error) {
	in, err := parseInput(call)
	if err != nil {
		return command{}, in, err
	}
	c, ok := b.commands[in.Command]
	switch {
	case !ok:
		return c, in, plugins.Fail(plugins.Denied, "there is no command %q in the configuration; exec runs only what is named there under commands", in.Command)
	case call.Action == "exec.read" && c.Effect != string(plugins.Read):
		return c, in, plugins.Fail(plugins.Denied, "command %q is not said to only read (effect: read); use exec.run", in.Command)
	case call.Action == "exec.run" && b.access == plugins.Read:
		return c, in, plugins.Fail(plugins.Denied, "exec.run may change something, and this binding may only read")
	}
	return c, in, nil
}

func (b *bound) Run(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	c, in, err := b.command(call)
	if err != nil {
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
	}
	select {
	case <-call.Stop:
		return plugins.Outcome{Failure: plugins.Fail(plugins.Cancelled, "stopped before %s was started", in.Command), Applied: plugins.None}
	default:
	}
	if !call.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, call.Deadline)
		defer cancel()
	}
	out := c.run(ctx, in, call.Stop, to)
	if call.Action == "exec.read" {
		out.Applied = plugins.None
	}
	return out
}

// Probe is never called: exec.run does not declare it.
func (b *bound) Probe(context.Context, plugins.Call, json.RawMessage) plugins.Probed {
	return plugins.Probed{Applied: plugins.Unknown, Reason: "what a command has done, only a person can tell"}
}

// Health is fine: there is nothing to reach.
func (b *bound) Health(context.Context) error { return nil }

func (b *bound) Close() error { return nil }
