package host

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

// Spec says which executable a plugin is.
type Spec struct {
	Name    string
	Path    string   // absolute; empty for a built-in
	Args    []string // nil for a built-in means: plugin NAME
	SHA256  string   // hex, of the file at Path; required unless built in
	Builtin bool     // the running executable, executed again
}

// Section is one section of firebreak.yaml: what a service's capability is
// bound to. A tool's section has neither service nor capability.
type Section struct {
	Service    string
	Capability string
	Plugin     string          // the name of its Spec
	Config     json.RawMessage // a JSON object, without the key "plugin"; secrets still references
}

// Config is all that a Host is made of.
type Config struct {
	Specs     []Spec
	Sections  []Section
	Contracts []plugins.Action // of the capabilities; a plugin may declare stronger effects only
	Log       *slog.Logger     // nil: nothing is logged
	Grace     time.Duration    // for a mutation to end after its soft stop, before it is cut; 0: 3 s
}

const defaultGrace = 3 * time.Second

var pluginName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)

func (s Spec) check() error {
	switch {
	case !pluginName.MatchString(s.Name):
		return fmt.Errorf("plugin %q: a name is a letter, then letters, digits, _ and -, all lower case", s.Name)
	case s.Builtin && (s.Path != "" || s.SHA256 != ""):
		return fmt.Errorf("plugin %s is built in: it takes no path and no sha256", s.Name)
	case s.Builtin:
		return nil
	case !filepath.IsAbs(s.Path):
		return fmt.Errorf("plugin %s: path %q is not absolute", s.Name, s.Path)
	}
	if sum, err := hex.DecodeString(s.SHA256); err != nil || len(sum) != 32 {
		return fmt.Errorf("plugin %s: sha256 must be the 64 hex digits that `sha256sum %s` prints", s.Name, s.Path)
	}
	return nil
}

// specs indexes the plugins by name. A name is taken once: a third party
// cannot pass for a built-in.
func (c Config) specs() (map[string]Spec, error) {
	by := map[string]Spec{}
	var problems []error
	for _, spec := range c.Specs {
		if err := spec.check(); err != nil {
			problems = append(problems, err)
			continue
		}
		other, taken := by[spec.Name]
		switch {
		case taken && other.Builtin != spec.Builtin:
			problems = append(problems, fmt.Errorf("plugin %s: the name belongs to a built-in; choose another", spec.Name))
		case taken:
			problems = append(problems, fmt.Errorf("plugin %s is given twice", spec.Name))
		default:
			by[spec.Name] = spec
		}
	}
	return by, errors.Join(problems...)
}

type sectionKey struct{ service, capability, tool string }

func (s Section) key() sectionKey {
	if s.Capability == "" {
		return sectionKey{tool: s.Plugin}
	}
	return sectionKey{service: s.Service, capability: s.Capability}
}

func (s Section) String() string {
	if s.Capability == "" {
		return "plugin " + s.Plugin
	}
	return "service " + s.Service + ", " + s.Capability
}

func (c Config) sections(specs map[string]Spec) (map[sectionKey]Section, error) {
	by := map[sectionKey]Section{}
	var problems []error
	for _, section := range c.Sections {
		if _, ok := specs[section.Plugin]; !ok {
			problems = append(problems, fmt.Errorf("%s: there is no plugin %q", section, section.Plugin))
		}
		if (section.Service == "") != (section.Capability == "") {
			problems = append(problems, fmt.Errorf("%s: a service and a capability go together", section))
		}
		if _, taken := by[section.key()]; taken {
			problems = append(problems, fmt.Errorf("%s is given twice", section))
		}
		by[section.key()] = section
	}
	return by, errors.Join(problems...)
}

// contracts are by name. Their schemas are read with those of the plugins that
// serve them: most processes need few.
func (c Config) contracts() (map[string]plugins.Action, error) {
	by := map[string]plugins.Action{}
	for _, contract := range c.Contracts {
		if err := claims(contract); err != nil {
			return nil, fmt.Errorf("contract %s: %w", contract.Name, err)
		}
		by[contract.Name] = contract
	}
	return by, nil
}

func (c Config) logger() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}
