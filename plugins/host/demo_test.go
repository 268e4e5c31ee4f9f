package host

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

const mebibyte = 1 << 20

// demo is a plugin with an action for everything that can happen.
type demo struct{ name string }

func (d demo) Describe() plugins.Description {
	action := func(verb string, effect plugins.Effect) plugins.Action {
		return plugins.Action{
			Name: d.name + "." + verb, Effect: effect, NoPrecondition: true,
			Input: json.RawMessage(`{"type":"object"}`), Output: json.RawMessage(`{"type":"object","required":["ok"]}`),
		}
	}
	var actions []plugins.Action
	for verb, effect := range map[string]plugins.Effect{
		"echo": plugins.Read, "hang": plugins.Mutate, "stall": plugins.Read, "soft": plugins.Mutate, "crash": plugins.Mutate, "crashread": plugins.Read,
		"panic": plugins.Mutate, "panicread": plugins.Read, "env": plugins.Read, "config": plugins.Mutate, "big": plugins.Mutate,
		"wrong": plugins.Mutate, "chatty": plugins.Read, "print": plugins.Read, "receipt": plugins.Mutate, "odd": plugins.Mutate, "deaf": plugins.Mutate,
		"slow": plugins.Read, "trace": plugins.Read, "poke": plugins.Read, "flood": plugins.Read, "huge": plugins.Mutate, "spawn": plugins.Read,
	} {
		actions = append(actions, action(verb, effect))
	}
	actions[0].SettlesIn = time.Second
	required := ""
	switch d.name {
	case "insistent":
		required = `"required":["mutate"],`
		fallthrough
	case "vault":
		actions = append(actions, plugins.Action{Name: "store.look", Effect: plugins.Read}, plugins.Action{Name: "store.set", Effect: plugins.Mutate})
	}
	return plugins.Description{
		Name: d.name, Version: "1.2.3", Actions: actions,
		Config: map[string]json.RawMessage{"store": json.RawMessage(`{"type":"object",` + required + `"properties":{"read":{"type":"string"},"mutate":{"type":"string"},"at":{"type":"integer"}},"additionalProperties":false}`)},
	}
}

func (d demo) Bind(b plugins.Binding) (plugins.Bound, error) {
	var config struct{ Read, Mutate string }
	if err := json.Unmarshal(b.Config, &config); err != nil {
		return nil, err
	}
	if config.Read == "refuse me" {
		return nil, errors.New("read: it asks to be refused")
	}
	return &demoBound{demo: d, binding: b, poked: make(chan struct{})}, nil
}

type demoBound struct {
	demo    demo
	binding plugins.Binding
	poked   chan struct{}
}

func (b *demoBound) Resource() string { return "demo:" + b.binding.Service }
func (b *demoBound) Close() error     { return nil }

func (b *demoBound) Health(context.Context) error {
	if b.binding.Service == "sick" {
		return errors.New("it is sick")
	}
	return nil
}

func (b *demoBound) Plan(_ context.Context, call plugins.Call) (plugins.Plan, error) {
	if strings.HasSuffix(call.Action, ".config") {
		return plugins.Plan{Binding: b.binding.Config, Detail: "config is " + string(b.binding.Config)}, nil
	}
	return plugins.Plan{Binding: json.RawMessage(`{"z":1.0, "a":"<"}`), Detail: string(b.binding.Config)}, nil
}

func (b *demoBound) Probe(context.Context, plugins.Call, json.RawMessage) plugins.Probed {
	return plugins.Probed{Applied: plugins.None}
}

func ok(receipt string) plugins.Outcome {
	return plugins.Outcome{Applied: plugins.All, Outputs: json.RawMessage(`{"ok":true}`), Receipt: json.RawMessage(receipt)}
}

func (b *demoBound) Run(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	_, verb, _ := strings.Cut(call.Action, ".")
	switch verb {
	case "echo":
		out, err := plugins.Canonical(map[string]any{"ok": true, "input": call.Input, "pid": os.Getpid(), "resource": b.Resource()})
		return plugins.Outcome{Outputs: out, Failure: plugins.AsFailure(err)}
	case "hang":
		to.Progress(1, 2, "hanging")
		<-ctx.Done() // deaf to call.Stop
		return plugins.Outcome{Failure: plugins.AsFailure(ctx.Err()), Applied: plugins.Partial}
	case "stall":
		<-ctx.Done()
		return plugins.Outcome{Failure: plugins.AsFailure(ctx.Err())}
	case "soft":
		to.Progress(1, 2, "first half done")
		<-call.Stop
		return plugins.Outcome{Failure: plugins.Fail(plugins.Cancelled, "stopped between halves"), Applied: plugins.Partial, Receipt: json.RawMessage(`{"half":1}`)}
	case "deaf": // to everything
		to.Progress(0, 1, "listening to nobody")
		select {}
	case "crash", "crashread":
		os.Exit(7)
	case "panic", "panicread":
		panic("demo panics")
	case "trace":
		return plugins.Outcome{Outputs: json.RawMessage(`{"ok":true,"within":"` + plugins.TraceParent(ctx) + `"}`)}
	case "env":
		out, err := plugins.Canonical(map[string]any{"ok": true, "env": os.Environ()})
		return plugins.Outcome{Outputs: out, Failure: plugins.AsFailure(err)}
	case "config":
		to.Log("info", "config is "+string(b.binding.Config))
		to.Progress(0, 1, string(b.binding.Config))
		outcome := ok(`{"was":1}`)
		outcome.Outputs, _ = plugins.Canonical(map[string]any{"ok": true, "config": b.binding.Config})
		return outcome
	case "receipt":
		return ok(string(b.binding.Config))
	case "big":
		outcome := ok(`{"was":1}`)
		outcome.Outputs = json.RawMessage(`{"ok":"` + strings.Repeat("x", maxOutput) + `"}`)
		return outcome
	case "wrong":
		outcome := ok(`{"was":1}`)
		outcome.Outputs = json.RawMessage(`{"nok":1}`)
		return outcome
	case "odd":
		return plugins.Outcome{Failure: &plugins.Failure{Class: "no such class", Reason: "odd"}}
	case "chatty":
		for i := range 100_000 {
			to.Progress(i, 100_000, "step "+strconv.Itoa(i))
		}
		to.Log("info", "last line")
	case "slow": // each report when it is poked
		for i := range 3 {
			to.Progress(i, 3, "piece "+strconv.Itoa(i))
			<-b.poked
		}
	case "poke":
		b.poked <- struct{}{}
	case "flood":
		line := strings.Repeat("x", maxOutputLine-1) + "\n"
		for i := range 50 * mebibyte / len(line) {
			if i%10 == 0 {
				_, _ = os.Stdout.WriteString(line)
			}
			_, _ = syscall.Write(1, []byte(line)) // past what go-plugin puts in their place
			_, _ = syscall.Write(2, []byte(line))
		}
	case "huge":
		outcome := ok(`{"was":1}`)
		outcome.Outputs = json.RawMessage(`{"ok":"` + strings.Repeat("x", 100*mebibyte) + `"}`)
		return outcome
	case "spawn":
		child := exec.Command("sleep", "1000")
		if err := child.Start(); err != nil {
			return plugins.Outcome{Failure: plugins.AsFailure(err)}
		}
		out, err := plugins.Canonical(map[string]any{"ok": true, "child": strconv.Itoa(child.Process.Pid)})
		return plugins.Outcome{Outputs: out, Failure: plugins.AsFailure(err)}
	case "look", "set": // for a credential, wherever one could be
		found := strings.Join(append(append(os.Environ(), os.Args...), string(b.binding.Config)), "\n")
		out, err := plugins.Canonical(map[string]any{
			"access": b.binding.Access, "reader": strings.Contains(found, readDSN), "admin": strings.Contains(found, adminDSN),
		})
		return plugins.Outcome{Applied: plugins.All, Outputs: out, Failure: plugins.AsFailure(err)}
	case "print":
		_, _ = os.Stdout.WriteString("printed on standard output\n")
		_, _ = os.Stderr.WriteString("printed on standard error: " + string(b.binding.Config) + "\n")
	}
	return ok("")
}
