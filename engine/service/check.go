package service

import (
	"maps"
	"slices"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Known is what firebreak can do besides what a configuration adds.
type Known struct {
	Capabilities []string
	Builtins     []string // plugins of firebreak's own
	Zone         func(name string) bool
}

// Check finds the names in a configuration that stand for nothing: unknown
// capabilities, plugins and time zones, and plugins named like a built-in, which nobody
// may replace.
func (c *Config) Check(known Known) []runbook.Problem {
	r := &reader{file: runbook.NewFile(c.File), cfg: c}
	plugins := slices.Concat(known.Builtins, slices.Collect(maps.Keys(c.Plugins)))
	for _, name := range slices.Sorted(maps.Keys(c.Plugins)) {
		if slices.Contains(known.Builtins, name) {
			r.addf(c.Plugins[name].Pos, "shadowed-builtin", "give it another name", "plugin %s would replace the built-in of that name", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		s := c.Services[name]
		for _, capability := range slices.Sorted(maps.Keys(s.Sections)) {
			section := s.Sections[capability]
			if !slices.Contains(known.Capabilities, capability) {
				r.addf(section.Pos, "unknown-capability", suggest(capability, known.Capabilities, "docs/reference/configuration.md lists them"), "unknown capability %q in service %s", capability, s.Name)
			}
			r.plugin(section, plugins)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Tools)) {
		r.plugin(c.Tools[name], plugins)
	}
	if c.Policy != nil {
		r.zones(c.Policy, known.Zone)
	}
	return r.file.Problems()
}

func (r *reader) plugin(s Section, known []string) {
	if !slices.Contains(known, s.Plugin) {
		r.addf(s.PluginPos, "unknown-plugin", suggest(s.Plugin, known, "name a built-in, or add it under plugins"), "there is no plugin %.80q", s.Plugin)
	}
}
