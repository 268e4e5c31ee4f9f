package service

import (
	"encoding/json"
	"slices"

	"github.com/firebreak-ops/firebreak/engine/policy"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Config is a firebreak.yaml that has passed every check of [Parse]. It is
// immutable: many runs may share one.
type Config struct {
	File     string // for messages
	Services map[string]*Service
	Tools    map[string]Section // by the name of the tool's plugin
	Roles    map[string]*Role
	People   map[string]*Person
	Plugins  map[string]PluginBinary // third parties; the built-ins are not listed
	Sources  map[string]*Source      // of alerts
	Serve    *Serve                  // nil: it is not said
	Policy   *Policy                 // nil: there is none
	Runbooks *Supply                 // nil: they may come from anywhere
	Chat     *Chat                   // nil: it is not said
	Paging   *Paging                 // nil: nobody is woken
	Digest   string                  // sha256:… of the bytes
}

// Service is what runbooks act on, described once.
type Service struct {
	Name        string
	Environment string
	Owner       string             // the team that answers for it
	Sections    map[string]Section // by capability
	Pos         runbook.Pos
}

// Section binds a capability of a service, or a tool, to a plugin.
type Section struct {
	Plugin    string
	Config    json.RawMessage // an object, canonical: keys sorted, `plugin` taken out; secrets stay {"secret": "env:NAME"}
	Pos       runbook.Pos     // of the section's key
	PluginPos runbook.Pos     // of the plugin's name
}

// Role is a named set of people.
type Role struct {
	Name       string
	People     []string      // in the order written
	Machines   []string      // those that hold tokens, by what tokens call them
	AtMost     *policy.Limit // how much a change may touch that they say yes to; nil: any
	BreakGlass bool          // its people may act alone, with a reason, in an emergency
	Pos        runbook.Pos
}

// MachinePrefix is what stands before the name of a machine where people
// stand, too: no person's name has a colon.
const MachinePrefix = "machine:"

// IsName reports whether something in a configuration can have a name.
func IsName(text string) bool { return aName.Pattern.MatchString(text) }

// Members are who has the role: its people, and its machines as
// [MachinePrefix] and name.
func (r *Role) Members() []string {
	all := slices.Clone(r.People)
	for _, m := range r.Machines {
		all = append(all, MachinePrefix+m)
	}
	return all
}

// Person is somebody who may be asked. An empty field is a way in which the
// person cannot be recognised.
type Person struct {
	Name   string
	OSUser string
	Slack  string
	Email  string
	Pos    runbook.Pos
}

// PluginBinary is the executable of a third party's plugin.
type PluginBinary struct {
	Path   string // absolute
	SHA256 string // of the file: 64 lower-case hexadecimal digits
	Pos    runbook.Pos
}

// PersonByOSUser returns the person who logs in as an OS user. A user who is
// not in the configuration is nobody, and has no roles.
func (c *Config) PersonByOSUser(user string) (name string, ok bool) {
	if user == "" {
		return "", false
	}
	for _, p := range c.People {
		if p.OSUser == user {
			return p.Name, true
		}
	}
	return "", false
}

// InRole reports whether a person has a role.
func (c *Config) InRole(person, role string) bool {
	r := c.Roles[role]
	return r != nil && slices.Contains(r.People, person)
}
