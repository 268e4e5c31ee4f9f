// Package prometheus is the built-in plugin that answers metrics.query,
// metrics.pool and metrics.health, either from a Prometheus server or straight
// from the /metrics pages of a service's replicas.
//
// Its section of firebreak.yaml has one of:
//
//	metrics: {plugin: prometheus, url: "http://127.0.0.1:9090", selector: 'job="api"'}
//	metrics: {plugin: prometheus, targets: ["http://10.0.0.1:8080/metrics", ...]}
//
// From pages it reads from the moment it is bound on, several times a second,
// so that there is a past to compare with: that is the quickest way to an
// onset. A server knows the past itself, as finely as it scrapes.
package prometheus

import (
	"encoding/json"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	actionHealth = "metrics.health"
	actionPool   = "metrics.pool"
	actionQuery  = "metrics.query"
)

// New returns the plugin.
func New() plugins.Plugin { return plugin{usualLimits()} }

type plugin struct{ within limits }

// Describe implements plugins.Plugin.
func (plugin) Describe() plugins.Description {
	return plugins.Description{
		Name:    "prometheus",
		Version: "1.0.0",
		Config:  map[string]json.RawMessage{"metrics": json.RawMessage(sectionSchema)},
		Actions: capability.Named(actionHealth, actionPool, actionQuery),
	}
}

// Bind implements plugins.Plugin.
func (p plugin) Bind(b plugins.Binding) (plugins.Bound, error) {
	s, err := parseSection(b)
	if err != nil {
		return nil, err
	}
	if s.URL == "" {
		return &bound{within: p.within, resource: s.identity(), source: startPages(s, p.within)}, nil
	}
	src, err := newServer(s)
	if err != nil {
		return nil, err
	}
	return &bound{within: p.within, resource: s.identity(), source: src}, nil
}
