package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/host"
)

// DIR stands, in what a file of cases says of sections and inputs, for the
// folder in which its commands run.
const DIR = "${DIR}"

// file is a file of cases. What it says to do is done by sh, in one folder.
type file struct {
	Plugin   string        `yaml:"plugin"`
	Prepare  string        `yaml:"prepare"`
	Sections []fileSection `yaml:"sections"`
	Refused  []struct {
		fileSection `yaml:",inline"`

		Access string `yaml:"access"`
		Key    string `yaml:"key"`
	} `yaml:"refused"`
	Reads []struct {
		fileCall `yaml:",inline"`

		Class string `yaml:"class"`
	} `yaml:"reads"`
	Mutations []struct {
		fileCall `yaml:",inline"`

		State string `yaml:"state"`
		Drift string `yaml:"drift"`
	} `yaml:"mutations"`
}

type fileSection struct {
	Service    string         `yaml:"service"`
	Capability string         `yaml:"capability"`
	Config     map[string]any `yaml:"config"`
}

type fileCall struct {
	Service string `yaml:"service"`
	Action  string `yaml:"action"`
	Input   any    `yaml:"input"`
}

// Parse reads a file of cases, for commands that run in dir. The plugin's name
// is what the file says, or else name.
func Parse(src []byte, dir, name string) (plugin string, cases Cases, err error) {
	f := file{Plugin: name}
	decoder := yaml.NewDecoder(bytes.NewReader(src))
	decoder.KnownFields(true)
	if err := decoder.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return "", Cases{}, err
	}
	p := parser{dir: dir, plugin: f.Plugin}
	if f.Prepare != "" {
		cases.Prepare = func(t T) { p.sh(t, f.Prepare) }
	}
	for i, s := range f.Sections {
		cases.Sections = append(cases.Sections, p.section(fmt.Sprintf("sections[%d]", i), s))
	}
	for i, r := range f.Refused {
		at := fmt.Sprintf("refused[%d]", i)
		p.need(at, "key", r.Key)
		cases.Refused = append(cases.Refused, Refused{Section: p.section(at, r.fileSection), Access: p.access(at, r.Access), Key: r.Key})
	}
	for i, r := range f.Reads {
		at := fmt.Sprintf("reads[%d]", i)
		p.need(at, "action", r.Action)
		cases.Reads = append(cases.Reads, Read{Service: r.Service, Action: r.Action, Input: p.json(at+".input", r.Input), Class: r.Class})
	}
	for i, m := range f.Mutations {
		at := fmt.Sprintf("mutations[%d]", i)
		p.need(at, "action", m.Action)
		p.need(at, "state", m.State)
		mutation := Mutation{
			Service: m.Service, Action: m.Action, Input: p.json(at+".input", m.Input),
			State: func(t T) string { return p.sh(t, m.State) },
		}
		if m.Drift != "" {
			mutation.Drift = func(t T) { p.sh(t, m.Drift) }
		}
		cases.Mutations = append(cases.Mutations, mutation)
	}
	return f.Plugin, cases, errors.Join(p.problems...)
}

type parser struct {
	dir, plugin string
	problems    []error
}

func (p *parser) need(at, key, value string) {
	if value == "" {
		p.problems = append(p.problems, fmt.Errorf("%s: %s is missing", at, key))
	}
}

func (p *parser) section(at string, s fileSection) host.Section {
	config := s.Config
	if config == nil {
		config = map[string]any{}
	}
	return host.Section{Service: s.Service, Capability: s.Capability, Plugin: p.plugin, Config: p.json(at+".config", config)}
}

func (p *parser) access(at, access string) plugins.Effect {
	switch effect := plugins.Effect(access); effect {
	case "", plugins.Read, plugins.Mutate:
		return effect
	default:
		p.problems = append(p.problems, fmt.Errorf("%s: access is %q; it is read or mutate", at, access))
		return ""
	}
}

// json is v with the folder in place of its name; left out, it is {}.
func (p *parser) json(at string, v any) json.RawMessage {
	if v == nil {
		v = map[string]any{}
	}
	raw, err := json.Marshal(placed(v, p.dir))
	if err != nil {
		p.problems = append(p.problems, fmt.Errorf("%s: %w", at, err))
	}
	return raw
}

func placed(v any, dir string) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, DIR, dir)
	case []any:
		for i := range v {
			v[i] = placed(v[i], dir)
		}
	case map[string]any:
		for key := range v {
			v[key] = placed(v[key], dir)
		}
	}
	return v
}

// sh runs a command in the folder and returns what it prints. It fails the
// rule when the command does.
func (p *parser) sh(t T, command string) string {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.CommandContext(patient(t), "sh", "-eu", "-c", command)
	cmd.Dir, cmd.Stderr = p.dir, &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the cases say to run %q: %v: %s", command, err, strings.TrimSpace(said.String()))
	}
	return string(out)
}
