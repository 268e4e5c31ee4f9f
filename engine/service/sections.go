package service

import (
	"encoding/json"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

func (r *reader) services(f runbook.Fields) {
	for _, e := range f.Entries("services") {
		f, _ := r.file.Fields(e.Node, serviceShape)
		s := &Service{Name: e.Name, Environment: f.Text("environment"), Owner: f.Text("owner"), Sections: map[string]Section{}, Pos: e.Pos}
		for _, e := range f.Others() {
			r.capability(s, e)
		}
		r.cfg.Services[s.Name] = s
	}
}

// capability reads a section of a service. Whether the capability exists is
// not known here: [Config.Check] is told.
func (r *reader) capability(s *Service, e runbook.Entry) {
	if e.Node.Kind != yaml.MappingNode {
		hint := "a capability looks like " + e.Name + ": {plugin: NAME, ...}"
		if near := expr.Nearest(e.Name, []string{"environment", "owner"}); near != "" {
			hint = "did you mean " + near + "?"
		}
		r.addf(e.Pos, "unknown-key", hint, "a service has no key %s", e.Name)
		return
	}
	f, _ := r.file.Fields(e.Node, sectionShape)
	s.Sections[e.Name] = Section{Plugin: f.Text("plugin"), Config: r.config(f), Pos: e.Pos, PluginPos: f.At("plugin")}
}

// tools reads the sections of plugins that serve no capability.
func (r *reader) tools(f runbook.Fields) {
	for _, e := range f.Entries("tools") {
		f, _ := r.file.Fields(e.Node, toolShape)
		for _, e := range f.Others() {
			if e.Name == "plugin" {
				r.addf(e.Pos, "conflict", "remove it: a tool's section is named after its plugin", "a tool has a key plugin")
			}
		}
		r.cfg.Tools[e.Name] = Section{Plugin: e.Name, Config: r.config(f), Pos: e.Pos, PluginPos: e.Pos}
	}
}

// config reads a plugin's own keys.
func (r *reader) config(f runbook.Fields) json.RawMessage {
	config := map[string]any{}
	for _, e := range f.Others() {
		config[e.Name] = r.value(e.Name, e.Node)
	}
	return canonical(config)
}

func (r *reader) plugins(f runbook.Fields) {
	for _, e := range f.Entries("plugins") {
		f, _ := r.file.Fields(e.Node, pluginShape)
		r.cfg.Plugins[e.Name] = PluginBinary{Path: f.Text("path"), SHA256: f.Text("sha256"), Pos: e.Pos}
	}
}
