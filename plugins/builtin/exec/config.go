package exec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	defaultTimeout = time.Minute
	defaultGrace   = 5 * time.Second
)

// config is the section of the plugin.
type config struct {
	Plugin   string             `json:"plugin,omitempty"`
	Commands map[string]command `json:"commands,omitempty" jsonschema:"what may be run, by name"`
}

// command is one command that may be run.
type command struct {
	Argv     []string            `json:"argv" jsonschema:"program and first arguments, which a step's args follow; no shell reads them"`
	Effect   string              `json:"effect,omitempty" jsonschema:"read or mutate; mutate if left out; only a command that reads may be used by exec.read"`
	Dir      string              `json:"dir,omitempty" jsonschema:"folder to run in, absolute"`
	Env      map[string]string   `json:"env,omitempty" jsonschema:"variables beside PATH, HOME, TMPDIR, TZ and LANG, which are passed on"`
	Resource string              `json:"resource,omitempty" jsonschema:"identity of what it changes; exec:NAME if left out"`
	Timeout  capability.Duration `json:"timeout,omitzero" jsonschema:"how long it may take; 1m if left out"`
	Grace    capability.Duration `json:"grace,omitzero" jsonschema:"how long after SIGTERM it is killed; 5s if left out"`
}

// input is the input of both actions.
type input struct {
	Command  string   `json:"command" jsonschema:"a name from the configuration"`
	Args     []string `json:"args,omitempty" jsonschema:"added behind the configured arguments"`
	Resource string   `json:"resource,omitempty" jsonschema:"identity of what it changes, if it depends on the arguments"`
}

// output is the output of both actions.
type output struct {
	ExitCode  int     `json:"exit_code"`
	Stdout    string  `json:"stdout"`
	Stderr    string  `json:"stderr"`
	Truncated bool    `json:"truncated" jsonschema:"there was more output than is returned"`
	Seconds   float64 `json:"seconds"`
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Commands returns what the plugin's section lets be run, by name, and whether
// each changes something. Secrets in it need not be there. It is for whoever
// looks before a run begins.
func Commands(section json.RawMessage) (map[string]plugins.Effect, error) {
	var c struct {
		Commands map[string]struct {
			Effect string `json:"effect"`
		} `json:"commands"`
	}
	if len(section) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(section, &c); err != nil {
		return nil, fmt.Errorf("exec: %w", err)
	}
	effects := make(map[string]plugins.Effect, len(c.Commands))
	for name, command := range c.Commands {
		effects[name] = plugins.Mutate
		if command.Effect == string(plugins.Read) {
			effects[name] = plugins.Read
		}
	}
	return effects, nil
}

// parseConfig checks the section. Its errors name the key.
func parseConfig(raw json.RawMessage) (config, error) {
	var c config
	if err := strict(raw, &c); err != nil {
		return c, fmt.Errorf("exec: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Commands)) {
		if err := c.Commands[name].check(); err != nil {
			return c, fmt.Errorf("commands.%s.%w", name, err)
		}
	}
	return c, nil
}

func (c command) check() error {
	if len(c.Argv) == 0 || c.Argv[0] == "" {
		return errors.New("argv: name a program")
	}
	if slices.ContainsFunc(c.Argv, func(a string) bool { return strings.ContainsRune(a, 0) }) {
		return errors.New("argv: an argument has a zero byte")
	}
	if c.Effect != "" && c.Effect != string(plugins.Read) && c.Effect != string(plugins.Mutate) {
		return fmt.Errorf("effect: %q is not read or mutate", c.Effect)
	}
	if c.Dir != "" && !filepath.IsAbs(c.Dir) {
		return fmt.Errorf("dir: %q is not absolute", c.Dir)
	}
	for name, value := range c.Env {
		if !variable.MatchString(name) || strings.ContainsRune(value, 0) {
			return fmt.Errorf("env: %q is not a variable that can be set", name)
		}
	}
	return nil
}

func (c command) argv(in input) []string { return slices.Concat(c.Argv, in.Args) }

func (c command) resource(in input) string {
	switch {
	case in.Resource != "":
		return in.Resource
	case c.Resource != "":
		return c.Resource
	}
	return "exec:" + in.Command
}

func (c command) timeout() time.Duration { return or(c.Timeout, defaultTimeout) }

func (c command) grace() time.Duration { return or(c.Grace, defaultGrace) }

func or(d capability.Duration, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d.Std()
}

func parseInput(call plugins.Call) (input, error) {
	var in input
	if len(call.Receipt) > 0 {
		return in, plugins.Fail(plugins.Invalid, "%s takes no receipt: a command cannot be undone", call.Action)
	}
	if call.Action != "exec.run" && call.Action != "exec.read" {
		return in, plugins.Fail(plugins.Invalid, "plugin exec has no action %q", call.Action)
	}
	if err := strict(call.Input, &in); err != nil {
		return in, plugins.Fail(plugins.Invalid, "input of %s: %v", call.Action, err)
	}
	if slices.ContainsFunc(in.Args, func(a string) bool { return strings.ContainsRune(a, 0) }) {
		return in, plugins.Fail(plugins.Invalid, "args: an argument has a zero byte")
	}
	return in, nil
}

func strict(raw json.RawMessage, into any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = json.RawMessage("{}")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

// durationPattern is in the schema because a schema's error names the key;
// that of a type's own decoding does not.
const durationPattern = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`

// schema infers the JSON Schema of a type of this package; the tests see that
// it can.
func schema[T any]() json.RawMessage {
	s, err := jsonschema.For[T](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[capability.Duration](): {Type: "string", Format: "go-duration", Pattern: durationPattern},
	}})
	if err != nil {
		return nil
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return nil
	}
	return raw
}
