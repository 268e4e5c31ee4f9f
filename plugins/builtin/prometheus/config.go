package prometheus

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const sectionSchema = `{
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "plugin": {"type": "string"},
    "url": {"type": "string", "description": "address of a Prometheus server; one of url and targets is needed"},
    "selector": {"type": "string", "description": "which of the server's series are the service's, such as job=\"api\""},
    "replica": {"type": "string", "default": "instance", "description": "the server's label that tells replicas apart"},
    "targets": {"type": "array", "minItems": 1, "items": {"type": "string"}, "description": "addresses of the replicas' own /metrics pages"},
    "every": {"type": "string", "default": "250ms", "description": "how often the pages are read, at least 100ms"},
    "headers": {"type": "object", "additionalProperties": {"type": ["string", "object"]}, "description": "sent with every request; a value may be {secret: ...}"}
  }
}`

// section is this plugin's part of firebreak.yaml, secrets resolved.
type section struct {
	Plugin   string              `json:"plugin"`
	URL      string              `json:"url"`
	Selector string              `json:"selector"`
	Replica  string              `json:"replica"`
	Targets  []string            `json:"targets"`
	Every    capability.Duration `json:"every"`
	Headers  map[string]string   `json:"headers"`
}

const (
	defaultEvery = 250 * time.Millisecond
	leastEvery   = 100 * time.Millisecond
)

func parseSection(b plugins.Binding) (section, error) {
	var s section
	refuse := func(format string, args ...any) (section, error) {
		return s, plugins.Fail(plugins.Invalid, "section metrics of service "+b.Service+": "+format, args...)
	}
	if b.Capability != "metrics" {
		return s, plugins.Fail(plugins.Invalid, "capability %q is not one of plugin prometheus, which serves metrics", b.Capability)
	}
	dec := json.NewDecoder(bytes.NewReader(b.Config))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return refuse("%v; known keys are plugin, url, selector, replica, targets, every, headers", err)
	}
	if (s.URL == "") == (len(s.Targets) == 0) {
		return refuse("one of url and targets is needed: url is a Prometheus server, targets are the replicas' own /metrics pages")
	}
	if s.URL == "" && (s.Selector != "" || s.Replica != "") {
		return refuse("selector and replica belong to url, and say nothing of targets")
	}
	if s.URL != "" && !isHTTP(s.URL) {
		return refuse("url %q is not an http or https address", s.URL)
	}
	seen := map[string]bool{}
	for _, t := range s.Targets {
		if !isHTTP(t) || seen[t] {
			return refuse("targets: %q is not an http or https address, or is there twice", t)
		}
		seen[t] = true
	}
	if s.Every == 0 {
		s.Every = capability.Duration(defaultEvery)
	}
	if s.Every.Std() < leastEvery {
		return refuse("every %s would be a load of its own; %s is the least", s.Every, leastEvery)
	}
	if s.Replica == "" {
		s.Replica = "instance"
	}
	return s, nil
}

func isHTTP(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func (s section) identity() string {
	if s.URL != "" {
		id := "prometheus:" + hostOf(s.URL)
		if s.Selector != "" {
			id += "{" + s.Selector + "}"
		}
		return id
	}
	var hosts []string
	for _, t := range s.Targets {
		hosts = append(hosts, hostOf(t))
	}
	return "metrics:" + strings.Join(hosts, ",")
}

// hostOf returns host and port: an address may hold a password.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "unknown"
	}
	return u.Host
}
