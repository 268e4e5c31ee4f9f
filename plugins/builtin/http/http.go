// Package http is the built-in that speaks HTTP. It serves the backlog
// capability over a service's admin endpoint, the settings capability over
// that of each replica, wave after wave, and two actions of its own:
// http.get reads, and may be used anywhere; http.request changes something,
// names what (its resource), and is gated like every mutation. An effect
// belongs to an action and not to a call, so a GET is never http.request's
// business, nor a POST that of http.get.
//
// No request goes through a proxy or follows a redirect to another host, and
// a mutating one follows none at all.
package http

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

type plugin struct{}

// New returns the plugin.
func New() plugins.Plugin { return plugin{} }

func (plugin) Describe() plugins.Description {
	d := plugins.Description{
		Name: "http", Version: "1.0.0",
		Config: map[string]json.RawMessage{"backlog": schema[backlogConfig](), "settings": schema[settingsConfig](), "": schema[toolConfig]()},
		Actions: []plugins.Action{
			{
				Name: "http.get", Effect: plugins.Read, Input: schema[getInput](), Output: schema[response](), Idempotent: true,
				Doc: "Reads a URL.",
			},
			{
				Name: "http.request", Effect: plugins.Mutate, Input: schema[requestInput](), Output: schema[response](),
				NoPrecondition: true, SettlesIn: 30 * time.Second,
				Doc: "Sends a request that changes something.",
			},
		},
	}
	d.Actions = append(d.Actions, capability.Named("backlog.shed", "backlog.status", "settings.apply", "settings.current", "settings.rollback")...)
	return d
}

func (plugin) Bind(b plugins.Binding) (plugins.Bound, error) {
	switch b.Capability {
	case "backlog":
		return bindBacklog(b)
	case "settings":
		return bindSettings(b)
	case "":
		return bindTool(b)
	}
	return nil, plugins.Fail(plugins.Invalid, "plugin http serves backlog, settings and http.*, not %q", b.Capability)
}

// schema infers the JSON Schema of a type of this package; the tests see that
// it can.
func schema[T any]() json.RawMessage {
	s, err := jsonschema.For[T](&jsonschema.ForOptions{TypeSchemas: typeSchemas()})
	if err != nil {
		return nil
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return nil
	}
	return raw
}

// withDeadline bounds ctx by the call's deadline.
func withDeadline(ctx context.Context, call plugins.Call) (context.Context, context.CancelFunc) {
	if call.Deadline.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, call.Deadline)
}

// stopped says whether a soft stop came before anything was sent.
func stopped(call plugins.Call) *plugins.Failure {
	select {
	case <-call.Stop:
		return plugins.Fail(plugins.Cancelled, "stopped before the request was sent")
	default:
		return nil
	}
}

// newTransport never uses a proxy: what is meant for this machine stays here.
func newTransport() *http.Transport {
	return &http.Transport{
		MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second,
		TLSHandshakeTimeout: 5 * time.Second, ForceAttemptHTTP2: true,
	}
}
