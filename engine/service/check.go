package service

import (
	"maps"
	"slices"
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
func (c *Config) Check(known Known) []Problem {
	p := &problems{file: c.File}
	plugins := slices.Concat(known.Builtins, slices.Collect(maps.Keys(c.Plugins)))
	for _, name := range slices.Sorted(maps.Keys(c.Plugins)) {
		if slices.Contains(known.Builtins, name) {
			p.addf(c.Plugins[name].Pos, "shadowed-builtin", "give it another name", "plugin %s would replace the built-in of that name", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		s := c.Services[name]
		for _, capability := range slices.Sorted(maps.Keys(s.Sections)) {
			section := s.Sections[capability]
			if !slices.Contains(known.Capabilities, capability) {
				p.addf(section.Pos, "unknown-capability", hintFrom(capability, "capabilities", known.Capabilities), "unknown capability %q in service %s", capability, s.Name)
			}
			p.plugin(section, plugins)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Tools)) {
		p.plugin(c.Tools[name], plugins)
	}
	if c.Policy != nil {
		p.zones(c.Policy, known.Zone)
	}
	return p.sorted()
}

func (p *problems) plugin(s Section, known []string) {
	if !slices.Contains(known, s.Plugin) {
		p.addf(s.PluginPos, "unknown-plugin", hintFrom(s.Plugin, "plugins", known), "there is no plugin %.80q", s.Plugin)
	}
}
