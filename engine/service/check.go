package service

import (
	"maps"
	"slices"
)

// Known is what firebreak can do besides what a configuration adds.
type Known struct {
	Capabilities []string
	Builtins     []string // plugins of firebreak's own
}

// Check finds the names in a configuration that stand for nothing: unknown
// capabilities and plugins, and plugins named like a built-in, which nobody
// may replace.
func (c *Config) Check(known Known) []Problem {
	p := &problems{file: c.File}
	plugins := slices.Concat(known.Builtins, slices.Collect(maps.Keys(c.Plugins)))
	for name, b := range c.Plugins {
		if slices.Contains(known.Builtins, name) {
			p.add(b.Pos, "shadowed-builtin", "give it another name", "plugin %s would replace the built-in of that name", name)
		}
	}
	for _, s := range c.Services {
		for capability, section := range s.Sections {
			if !slices.Contains(known.Capabilities, capability) {
				p.add(section.Pos, "unknown-capability", hintFrom(capability, "capabilities", known.Capabilities), "unknown capability %q in service %s", capability, s.Name)
			}
			p.plugin(section, plugins)
		}
	}
	for _, section := range c.Tools {
		p.plugin(section, plugins)
	}
	return p.sorted()
}

func (p *problems) plugin(s Section, known []string) {
	if !slices.Contains(known, s.Plugin) {
		p.add(s.PluginPos, "unknown-plugin", hintFrom(s.Plugin, "plugins", known), "there is no plugin %q", s.Plugin)
	}
}
