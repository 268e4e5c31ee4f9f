// Command plugin is the plugin that the benchmark runs against: a tool whose
// actions do next to nothing, and a service in the state of INC-2024-0715 for
// the shipped runbook.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func main() { plugins.Serve(plugin{}) }

type plugin struct{}

var (
	anything = json.RawMessage(`{"type":"object"}`)
	section  = json.RawMessage(`{"type":"object","properties":{"calls":{"type":"string"}}}`)
)

// Describe implements [plugins.Plugin].
func (plugin) Describe() plugins.Description {
	d := plugins.Description{
		Name: "bench", Version: "1.0.0",
		Actions: []plugins.Action{
			{Name: "bench.read", Effect: plugins.Read, Input: anything, Output: anything, Idempotent: true, Doc: "Returns 300 bytes."},
			{Name: "bench.change", Effect: plugins.Mutate, Input: anything, Output: anything, NoPrecondition: true, Doc: "Changes nothing."},
		},
		Config: map[string]json.RawMessage{"": section},
	}
	for _, a := range capability.All() {
		if name, _, _ := strings.Cut(a.Name, "."); name != "diagnose" {
			d.Actions = append(d.Actions, a)
			d.Config[name] = section
		}
	}
	return d
}

// Bind implements [plugins.Plugin].
func (plugin) Bind(b plugins.Binding) (plugins.Bound, error) {
	var c struct {
		Calls string `json:"calls"` // file to note calls in; empty: they are not
	}
	if err := json.Unmarshal(b.Config, &c); err != nil {
		return nil, plugins.Fail(plugins.Invalid, "the section: %v", err)
	}
	t := &target{}
	if b.Capability != "" {
		t.resource = "bench:" + b.Service + "/" + b.Capability
	}
	if c.Calls == "" {
		return t, nil
	}
	var err error
	if t.calls, err = os.OpenFile(c.Calls, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		return nil, plugins.Fail(plugins.Invalid, "calls: %v", err)
	}
	return t, nil
}

// target is what all sections are bound to.
type target struct {
	resource string
	calls    *os.File // nil: calls are not noted
}

// Resource implements [plugins.Bound].
func (t *target) Resource() string { return t.resource }

// Health implements [plugins.Bound].
func (t *target) Health(context.Context) error { return nil }

// Close implements [plugins.Bound].
func (t *target) Close() error {
	if t.calls == nil {
		return nil
	}
	return t.calls.Close()
}

// note writes down when a call came. Lines of several processes do not mix.
func (t *target) note(what string, call plugins.Call) {
	if t.calls != nil {
		fmt.Fprintf(t.calls, "%d %s %s\n", time.Now().UnixNano(), what, call.ID)
	}
}

// Plan implements [plugins.Bound].
func (t *target) Plan(_ context.Context, call plugins.Call) (plugins.Plan, error) {
	t.note("plan", call)
	resource := t.resource
	if resource == "" {
		resource = "bench"
	}
	plan := plugins.Plan{Resource: t.resource, Detail: call.Action, Fingerprint: "1", BlastRadius: plugins.BlastRadius{Unit: "things", Affected: 1}}
	bound := any(map[string]string{"resource": resource, "does": call.Action})
	if call.Action == "settings.rollback" {
		bound = capability.SettingsBinding{Resource: resource, Setting: lowered.Setting, From: &lowered.After, To: lowered.Before}
		plan.Detail = "-" + lowered.Setting + ": 20\n+" + lowered.Setting + ": 50\n"
		plan.Undo = encode(capability.SettingsReceipt{Setting: lowered.Setting, Before: lowered.After, After: lowered.Before})
	}
	var err error
	plan.Binding, err = plugins.Canonical(bound)
	return plan, err
}

// Run implements [plugins.Bound].
func (t *target) Run(ctx context.Context, call plugins.Call, _ plugins.Stream) plugins.Outcome {
	t.note("run", call)
	switch call.Action {
	case "bench.read":
		var in struct {
			Milliseconds int `json:"milliseconds"` // how long it takes
		}
		if err := json.Unmarshal(call.Input, &in); err != nil {
			return plugins.Outcome{Failure: plugins.AsFailure(plugins.Fail(plugins.Invalid, "%v", err))}
		}
		if in.Milliseconds > 0 {
			select {
			case <-time.After(time.Duration(in.Milliseconds) * time.Millisecond):
			case <-ctx.Done():
			}
		}
		return plugins.Outcome{Outputs: result}
	case "bench.change":
		return plugins.Outcome{Applied: plugins.All, Outputs: result}
	}
	out := observe(call.Action, capability.Observed{ObservedAt: time.Now().UTC(), Resource: t.resource})
	if out == nil {
		return plugins.Outcome{Applied: plugins.None, Failure: plugins.AsFailure(plugins.Fail(plugins.Invalid, "the benchmark does no %s", call.Action))}
	}
	return plugins.Outcome{Outputs: encode(out)}
}

// Probe implements [plugins.Bound].
func (t *target) Probe(context.Context, plugins.Call, json.RawMessage) plugins.Probed {
	return plugins.Probed{Applied: plugins.None}
}

// result is the output of a step: 300 bytes.
var result = json.RawMessage(`{"text":"` + strings.Repeat("x", 300-len(`{"text":""}`)) + `"}`)

// encode is JSON. What the contracts define can always be encoded.
func encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return raw
}
