// Command jsonfile is a complete firebreak plugin: it serves settings.current
// and settings.apply from one JSON file with settings at its top level.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func main() { plugins.Serve(plugin{}) }

type plugin struct{}

// Describe names the contracts that the plugin serves, and the keys of its
// section of firebreak.yaml.
func (plugin) Describe() plugins.Description {
	current, _ := capability.Lookup("settings.current")
	apply, _ := capability.Lookup("settings.apply")
	return plugins.Description{
		Name: "jsonfile", Version: "1.0.0",
		Actions: []plugins.Action{current, apply},
		Config: map[string]json.RawMessage{
			"settings": json.RawMessage(`{"type": "object", "required": ["file"], "properties": {"file": {"type": "string"}}}`),
		},
	}
}

// Bind readies the plugin for one section. Its error names the key.
func (plugin) Bind(b plugins.Binding) (plugins.Bound, error) {
	var section struct {
		File string `json:"file"`
	}
	if err := json.Unmarshal(b.Config, &section); err != nil {
		return nil, plugins.Fail(plugins.Invalid, "settings: %v", err)
	}
	if !filepath.IsAbs(section.File) {
		return nil, plugins.Fail(plugins.Invalid, "file: name the settings file, from / on")
	}
	return &bound{file: section.File}, nil
}

type bound struct {
	file string
	mu   sync.Mutex // nobody writes between a look and a write
}

// Resource is what runs lock: two services on one file exclude each other.
func (b *bound) Resource() string { return "jsonfile:" + b.file }

func (b *bound) Close() error { return nil }

func (b *bound) Health(context.Context) error {
	_, err := b.read()
	return err
}

// Plan says what Run would do, and changes nothing.
func (b *bound) Plan(_ context.Context, call plugins.Call) (plugins.Plan, error) {
	c, err := b.work(call)
	if err != nil {
		return plugins.Plan{}, err
	}
	binding, err := plugins.Canonical(capability.SettingsBinding{
		Resource: b.Resource(), Setting: c.setting, From: &c.from, To: c.to,
	})
	if err != nil {
		return plugins.Plan{}, err
	}
	return plugins.Plan{
		Binding:     binding,
		Detail:      fmt.Sprintf("-%s: %s\n+%s: %s\n", c.setting, c.from, c.setting, c.to),
		Fingerprint: plugins.Fingerprint(c.from), // of what Run overwrites
		BlastRadius: plugins.BlastRadius{Unit: "settings", Affected: 1},
		Undo:        c.receipt(), // to undo with, should the outcome be lost
	}, nil
}

// Run performs one call.
func (b *bound) Run(_ context.Context, call plugins.Call, _ plugins.Stream) plugins.Outcome {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := capability.Observed{ObservedAt: time.Now().UTC(), Resource: b.Resource()}
	if call.Action == "settings.current" {
		in, err := capability.Input[capability.CurrentInput](call.Action, call.Input)
		if err != nil {
			return failed(err)
		}
		all, err := b.read()
		return plugins.Outcome{
			Failure: plugins.AsFailure(err),
			Outputs: encoded(capability.CurrentOutput{Observed: seen, Setting: in.Setting, Value: all[in.Setting]}),
		}
	}
	c, err := b.work(call)
	if err != nil {
		return failed(err)
	}
	if call.Expect != "" && call.Expect != plugins.Fingerprint(c.from) {
		return failed(plugins.Fail(plugins.Drift, "%s is %s now: somebody changed it", c.setting, c.from))
	}
	select {
	case <-call.Stop:
		return failed(plugins.Fail(plugins.Cancelled, "stopped before anything was written"))
	default:
	}
	if err := b.write(c); err != nil {
		return failed(err)
	}
	return plugins.Outcome{
		Applied: plugins.All,
		Outputs: encoded(capability.ApplyOutput{Observed: seen, Setting: c.setting, From: c.from, To: c.to}),
		Receipt: c.receipt(),
		Left:    plugins.Fingerprint(c.to), // an undo begins only where it is still so
	}
}

// Probe finds out what became of a call whose outcome was lost.
func (b *bound) Probe(_ context.Context, _ plugins.Call, undo json.RawMessage) plugins.Probed {
	var planned capability.SettingsReceipt
	if err := json.Unmarshal(undo, &planned); err != nil {
		return plugins.Probed{Applied: plugins.Unknown, Reason: err.Error()}
	}
	all, err := b.read()
	switch now := all[planned.Setting]; {
	case err != nil:
		return plugins.Probed{Applied: plugins.Unknown, Reason: err.Error()}
	case now == planned.After:
		return plugins.Probed{Applied: plugins.All, Receipt: undo, Left: plugins.Fingerprint(now)}
	case now == planned.Before:
		return plugins.Probed{Applied: plugins.None, Left: plugins.Fingerprint(now)}
	default:
		return plugins.Probed{Applied: plugins.Unknown, Reason: fmt.Sprintf("%s is %s now", planned.Setting, now)}
	}
}

// change is a call worked out on what is there now.
type change struct {
	setting  string
	from, to capability.Scalar
	all      map[string]capability.Scalar
}

func (c change) receipt() json.RawMessage {
	return encoded(capability.SettingsReceipt{Setting: c.setting, Before: c.from, After: c.to})
}

// work reads the call: settings.apply with its input, or with the receipt of
// the call that it undoes.
func (b *bound) work(call plugins.Call) (c change, err error) {
	if len(call.Receipt) > 0 {
		var done capability.SettingsReceipt
		if err := json.Unmarshal(call.Receipt, &done); err != nil {
			return c, plugins.Fail(plugins.Invalid, "the receipt: %v", err)
		}
		c.setting, c.to = done.Setting, done.Before
	} else {
		in, err := capability.Input[capability.ApplyInput](call.Action, call.Input)
		if err != nil {
			return c, err
		}
		c.setting, c.to = in.Setting, in.Value
	}
	c.all, err = b.read()
	c.from = c.all[c.setting]
	return c, err
}

func (b *bound) read() (map[string]capability.Scalar, error) {
	raw, err := os.ReadFile(b.file)
	if err != nil {
		return nil, plugins.Fail(plugins.Unavailable, "%v", err)
	}
	all := map[string]capability.Scalar{}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, plugins.Fail(plugins.Invalid, "%s: %v", b.file, err)
	}
	return all, nil
}

// write replaces the file whole: a reader sees the old one or the new one.
func (b *bound) write(c change) error {
	if c.all[c.setting] = c.to; c.to.IsNull() {
		delete(c.all, c.setting)
	}
	if err := os.WriteFile(b.file+".new", encoded(c.all), 0o600); err != nil {
		return err
	}
	return os.Rename(b.file+".new", b.file)
}

func failed(err error) plugins.Outcome {
	return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
}

// encoded is JSON. What the contracts define can always be encoded.
func encoded(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return raw
}
