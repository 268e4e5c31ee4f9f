package host

import (
	"cmp"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

// PluginStatus is what can be said of one plugin now.
type PluginStatus struct {
	Name     string
	Zone     string
	Builtin  bool
	Version  string // of the newest process; empty before the first
	Checksum string // SHA-256 of its executable, hex
	PID      string // empty when none is running
	State    State
	Since    time.Time // of the state
	Restarts int
	Error    string // which of its sections cannot be bound, one a line; else why it last ended or did not start
	Actions  []plugins.Action
}

// Status lists the plugins by name. It does not block.
func (h *Host) Status() []PluginStatus {
	all := make([]PluginStatus, 0, len(h.plugins))
	for key, s := range h.plugins {
		status := s.status()
		status.Zone = key.Zone
		if unbound := h.unbound(key.Plugin); unbound != "" && (status.State == Ready || status.Error == "") {
			status.Error = unbound
		}
		status.Error = h.masks.text(status.Error)
		all = append(all, status)
	}
	slices.SortFunc(all, func(a, b PluginStatus) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func (s *supervisor) status() PluginStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := PluginStatus{Name: s.spec.Name, Builtin: s.spec.Builtin, State: s.state, Since: s.since, Restarts: s.restarts}
	if s.err != nil {
		out.Error = s.err.Error()
	}
	if s.proc != nil {
		out.PID = s.proc.pid
	}
	if p := s.last; p != nil {
		out.Version, out.Checksum = p.description.Version, p.checksum
		for _, a := range p.description.Actions {
			out.Actions = append(out.Actions, p.actions[a.Name].Action)
		}
	}
	return out
}

// Served is name@version+checksum of the plugin's newest process, as events
// say it; empty before the first.
func (h *Host) Served(plugin string) string {
	s := h.plugins[processKey{Plugin: plugin}]
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		return ""
	}
	return s.last.served()
}
