package service

import (
	"fmt"
	"path"
	"regexp"

	"gopkg.in/yaml.v3"
)

func (r *reader) services(n *yaml.Node) {
	r.entries(n, "services", func(k, v *yaml.Node) {
		s := &Service{Name: k.Value, Sections: map[string]Section{}, Pos: posOf(k)}
		what := "service " + k.Value
		known := fields{
			"environment": r.text("environment of "+what, &s.Environment),
			"owner":       r.text("owner of "+what, &s.Owner),
		}
		r.open(v, what, known, func(k, v *yaml.Node) { r.capability(s, k, v) }, "environment", "owner")
		r.cfg.Services[s.Name] = s
	})
}

// capability reads a section of a service. Whether the capability exists is
// not known here: [Config.Check] is told.
func (r *reader) capability(s *Service, k, v *yaml.Node) {
	if !r.isName(k, "service "+s.Name) {
		return
	}
	if v.Kind != yaml.MappingNode {
		hint := "a capability looks like " + k.Value + ": {plugin: NAME, ...}"
		if near := nearest(k.Value, []string{"environment", "owner"}); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		r.addf(posOf(k), "unknown-key", hint, "unknown key %.80q in service %s", k.Value, s.Name)
		return
	}
	section := Section{Pos: posOf(k)}
	what := k.Value + " of service " + s.Name
	known := fields{"plugin": func(n *yaml.Node) {
		r.text("plugin of "+what, &section.Plugin)(n)
		section.PluginPos = posOf(n)
	}}
	config := map[string]any{}
	r.open(v, what, known, func(k, v *yaml.Node) { config[k.Value] = r.value(k.Value, v) }, "plugin")
	section.Config = canonical(config)
	s.Sections[k.Value] = section
}

// tools reads the sections of plugins that serve no capability.
func (r *reader) tools(n *yaml.Node) {
	r.entries(n, "tools", func(k, v *yaml.Node) {
		known := fields{"plugin": func(n *yaml.Node) {
			r.addf(posOf(n), "unknown-key", "remove it: a tool's section is named after its plugin", "tool %s has a key plugin", k.Value)
		}}
		config := map[string]any{}
		r.open(v, "tool "+k.Value, known, func(k, v *yaml.Node) { config[k.Value] = r.value(k.Value, v) })
		r.cfg.Tools[k.Value] = Section{Plugin: k.Value, Config: canonical(config), Pos: posOf(k), PluginPos: posOf(k)}
	})
}

var checksum = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (r *reader) plugins(n *yaml.Node) {
	r.entries(n, "plugins", func(k, v *yaml.Node) {
		b := PluginBinary{Pos: posOf(k)}
		readPath, readSum := r.text("path of plugin "+k.Value, &b.Path), r.text("sha256 of plugin "+k.Value, &b.SHA256)
		r.object(v, "plugin "+k.Value, fields{
			"path": func(n *yaml.Node) {
				if readPath(n); b.Path != "" && (!path.IsAbs(b.Path) || path.Clean(b.Path) != b.Path) {
					r.addf(posOf(n), "bad-path", "write it from / on, without . and ..", "path of plugin %s is not absolute and plain", k.Value)
				}
			},
			"sha256": func(n *yaml.Node) {
				if readSum(n); b.SHA256 != "" && !checksum.MatchString(b.SHA256) {
					r.addf(posOf(n), "bad-checksum", "write what sha256sum prints for "+b.Path, "sha256 of plugin %s is not 64 lower-case hexadecimal digits", k.Value)
				}
			},
		}, "path", "sha256")
		r.cfg.Plugins[k.Value] = b
	})
}
