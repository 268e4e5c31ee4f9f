package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/firebreak-ops/firebreak/plugins"
)

// acme is a third party's plugin: a tool with actions of its own. What it
// turns is a file, if its section names one, and it notes its calls in another.
type acme struct{ Turns, Calls string }

func (acme) Describe() plugins.Description {
	anything := json.RawMessage(`{"type":"object"}`)
	return plugins.Description{
		Name: "acme", Version: "7.0.0",
		Actions: []plugins.Action{
			{Name: "acme.look", Effect: plugins.Read, Input: anything, Output: json.RawMessage(
				`{"type":"object","properties":{"fine":{"type":"boolean"}},"required":["fine"]}`), Doc: "Looks."},
			{Name: "acme.turn", Effect: plugins.Irreversible, Input: anything, Output: anything, NoPrecondition: true, Doc: "Turns left."},
		},
		Config: map[string]json.RawMessage{"": anything},
	}
}

func (acme) Bind(b plugins.Binding) (plugins.Bound, error) {
	var a acme
	err := json.Unmarshal(b.Config, &a)
	return a, err
}

func (acme) Resource() string             { return "" }
func (acme) Health(context.Context) error { return nil }
func (acme) Close() error                 { return nil }

func (a acme) Plan(_ context.Context, call plugins.Call) (plugins.Plan, error) {
	a.note("plan", call)
	return plugins.Plan{Binding: json.RawMessage(`{"turn":"left"}`), Detail: "turn left", Resource: "acme:1"}, nil
}

// note adds a line about a call.
func (a acme) note(what string, call plugins.Call) {
	if a.Calls == "" {
		return
	}
	f, err := os.OpenFile(a.Calls, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, what, call.Action); err != nil {
		panic(err)
	}
}

func (a acme) Run(_ context.Context, call plugins.Call, _ plugins.Stream) plugins.Outcome {
	a.note("run", call)
	if call.Action == "acme.look" {
		return plugins.Outcome{Outputs: json.RawMessage(`{"fine":true}`)}
	}
	select {
	case <-call.Stop:
		return plugins.Outcome{Failure: plugins.Fail(plugins.Cancelled, "stopped before it turned"), Applied: plugins.None}
	default:
	}
	if a.Turns != "" {
		if err := os.WriteFile(a.Turns, []byte("left"), 0o600); err != nil {
			return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.Unknown}
		}
	}
	return plugins.Outcome{Applied: plugins.All, Outputs: json.RawMessage(`{}`)}
}

func (a acme) Probe(_ context.Context, call plugins.Call, _ json.RawMessage) plugins.Probed {
	a.note("probe", call)
	return plugins.Probed{Applied: plugins.Unknown}
}
