package plugintest

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"sync"

	"github.com/firebreak-ops/firebreak/plugins"
)

// box is a plugin that keeps one word in a file: the smallest that has
// everything a harness looks at. A fault makes it break one rule.
type box struct{ fault string }

type word struct {
	Word string `json:"word"`
}

const wordSchema = `{"type":"object","properties":{"word":{"type":"string"}},"required":["word"],"additionalProperties":false}`

func (b box) Describe() plugins.Description {
	schema := json.RawMessage(wordSchema)
	d := plugins.Description{Name: "box", Version: "1", Actions: []plugins.Action{
		{Name: "box.get", Effect: plugins.Read, Input: json.RawMessage(`{"type":"object"}`), Output: schema, Doc: "Reads the word."},
		{Name: "box.put", Effect: plugins.Mutate, Input: schema, Output: schema, Undo: "box.put", Idempotent: true, Probe: true, Doc: "Writes the word."},
	}}
	switch b.fault {
	case "untried":
		d.Actions = append(d.Actions, plugins.Action{Name: "box.burn", Effect: plugins.Mutate, Input: schema, Output: schema, Doc: "Burns it."})
	case "posing":
		d.Actions[1].NoPrecondition = true
	}
	if b.fault == "unstable" {
		d.Version = os.Args[len(os.Args)-1] + string(rune('a'+os.Getpid()%26)) + string(rune('a'+os.Getpid()/26%26))
	}
	return d
}

func (b box) Bind(binding plugins.Binding) (plugins.Bound, error) {
	var config struct{ Path string }
	if err := json.Unmarshal(binding.Config, &config); err != nil {
		return nil, err
	}
	if config.Path == "" && b.fault != "careless" {
		return nil, errors.New("path: missing; say where the word is kept")
	}
	return &openBox{box: b, path: config.Path}, nil
}

type openBox struct {
	box  box
	path string
	mu   sync.Mutex
}

func (b *openBox) Resource() string             { return "box:" + b.path }
func (b *openBox) Close() error                 { return nil }
func (b *openBox) Health(context.Context) error { _, err := b.read(); return err }

func (b *openBox) read() (string, error) {
	raw, err := os.ReadFile(b.path)
	return string(raw), err
}

// asked is the word that a call wants written.
func asked(call plugins.Call) (word, error) {
	raw := call.Input
	if len(call.Receipt) > 0 {
		raw = call.Receipt
	}
	var w word
	return w, json.Unmarshal(raw, &w)
}

func (b *openBox) Plan(_ context.Context, call plugins.Call) (plugins.Plan, error) {
	to, err := asked(call)
	if err != nil {
		return plugins.Plan{}, err
	}
	from, err := b.read()
	if err != nil {
		return plugins.Plan{}, err
	}
	if b.box.fault == "eager" {
		if err := os.WriteFile(b.path, []byte(to.Word), 0o600); err != nil {
			return plugins.Plan{}, err
		}
	}
	binding, err := plugins.Canonical(map[string]string{"path": b.path, "from": from, "to": to.Word})
	if err != nil {
		return plugins.Plan{}, err
	}
	if b.box.fault == "sloppy" {
		binding = append(json.RawMessage(" "), binding...)
	}
	undo, err := plugins.Canonical(word{from})
	return plugins.Plan{Binding: binding, Detail: from + " -> " + to.Word, Fingerprint: plugins.Fingerprint(from), Undo: undo}, err
}

func (b *openBox) Run(_ context.Context, call plugins.Call, _ plugins.Stream) plugins.Outcome {
	b.mu.Lock()
	defer b.mu.Unlock()
	from, err := b.read()
	if err != nil {
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
	}
	if call.Action == "box.get" {
		out, err := plugins.Canonical(word{from})
		return plugins.Outcome{Outputs: out, Failure: plugins.AsFailure(err)}
	}
	select {
	case <-call.Stop:
		if b.box.fault != "deaf" {
			return plugins.Outcome{Failure: plugins.Fail(plugins.Cancelled, "stopped before it began"), Applied: plugins.None}
		}
	default:
	}
	if call.Expect != "" && call.Expect != plugins.Fingerprint(from) && b.box.fault != "blind" {
		return plugins.Outcome{Failure: plugins.Fail(plugins.Drift, "the word is %q now", from), Applied: plugins.None}
	}
	to, err := asked(call)
	if err == nil {
		err = os.WriteFile(b.path, []byte(to.Word), 0o600)
	}
	if err != nil {
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.Unknown}
	}
	receipt, err := plugins.Canonical(word{from})
	if b.box.fault == "forgetful" {
		receipt, err = plugins.Canonical(word{"nothing"})
	}
	out, _ := plugins.Canonical(to)
	return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.All, Outputs: out, Receipt: receipt, Left: plugins.Fingerprint(to.Word)}
}

func (b *openBox) Probe(_ context.Context, call plugins.Call, undo json.RawMessage) plugins.Probed {
	now, err := b.read()
	to, aerr := asked(call)
	switch {
	case err != nil || aerr != nil:
		return plugins.Probed{Applied: plugins.Unknown, Reason: "the box cannot be read"}
	case now == to.Word:
		return plugins.Probed{Applied: plugins.All, Receipt: undo, Left: plugins.Fingerprint(now)}
	}
	return plugins.Probed{Applied: plugins.None}
}
