package http

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

// tool is http.get and http.request.
type tool struct {
	client  client
	access  plugins.Effect
	origins map[string]origin
}

func bindTool(b plugins.Binding) (plugins.Bound, error) {
	var cfg toolConfig
	if err := strict(b.Config, &cfg); err != nil {
		return nil, plugins.Fail(plugins.Invalid, "http: %v", err)
	}
	for text := range cfg.Origins {
		u, err := parseURL(text)
		if err == nil && originOf(u) != text {
			err = fmt.Errorf("%q is more than a scheme and a host; write %q", text, originOf(u))
		}
		if err != nil {
			return nil, plugins.Fail(plugins.Invalid, "origins: %v", err)
		}
	}
	return &tool{client: newClient(), access: b.Access, origins: cfg.Origins}, nil
}

func originOf(u *url.URL) string { return u.Scheme + "://" + u.Host }

// Resource is empty: a request names its own.
func (t *tool) Resource() string { return "" }

func (t *tool) Plan(_ context.Context, call plugins.Call) (plugins.Plan, error) {
	if call.Action != "http.request" {
		return plugins.Plan{}, plugins.Fail(plugins.Invalid, "plugin http has no mutating action %q", call.Action)
	}
	in, err := parseRequest(call)
	if err != nil {
		return plugins.Plan{}, err
	}
	if _, err := t.ask(in); err != nil {
		return plugins.Plan{}, err
	}
	binding, err := plugins.Canonical(map[string]any{
		"resource": in.Resource, "method": in.Method, "url": in.URL, "headers": in.Headers, "body": in.Body.raw,
	})
	if err != nil {
		return plugins.Plan{}, err
	}
	return plugins.Plan{
		Binding: binding, Detail: in.detail(), Resource: in.Resource,
		BlastRadius: plugins.BlastRadius{Unit: "requests", Affected: 1},
	}, nil
}

// detail shows a request as it will be sent, less what the configuration adds.
func (in requestInput) detail() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s %s\n", in.Method, in.URL)
	for _, name := range slices.Sorted(maps.Keys(in.Headers)) {
		fmt.Fprintf(&out, "%s: %s\n", name, in.Headers[name])
	}
	if body, _ := in.Body.encode(); len(body) > 0 {
		fmt.Fprintf(&out, "\n%s\n", body)
	}
	return out.String()
}

// ask makes the request, and refuses one to where none may go.
func (t *tool) ask(in requestInput) (ask, error) {
	u, err := parseURL(in.URL)
	if err != nil {
		return ask{}, plugins.Fail(plugins.Invalid, "url: %v", err)
	}
	to, ok := t.origins[originOf(u)]
	if !ok && len(t.origins) > 0 {
		return ask{}, plugins.Fail(plugins.Denied, "url: requests to %s are not allowed; add it to origins in the configuration", originOf(u))
	}
	body, kind := in.Body.encode()
	h := header(in.Headers, to.Headers)
	if kind != "" && h.Get("Content-Type") == "" {
		h.Set("Content-Type", kind)
	}
	return ask{method: in.Method, url: in.URL, header: h, body: body, timeout: in.timeout(), expect: in.ExpectStatus}, nil
}

func (t *tool) Run(ctx context.Context, call plugins.Call, _ plugins.Stream) plugins.Outcome {
	ctx, cancel := withDeadline(ctx, call)
	defer cancel()
	in, err := parseCall(call)
	if err == nil && call.Action == "http.request" && t.access == plugins.Read {
		err = plugins.Fail(plugins.Denied, "http.request changes something, and this binding may only read")
	}
	var a ask
	if err == nil {
		a, err = t.ask(in)
	}
	if err != nil {
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
	}
	if f := stopped(call); f != nil {
		return plugins.Outcome{Failure: f, Applied: plugins.None}
	}
	if call.Action == "http.get" {
		var end context.CancelFunc
		ctx, end = call.Until(ctx)
		defer end()
	}
	began := time.Now()
	got, applied, failure := t.client.do(ctx, a)
	out := plugins.Outcome{Failure: failure, Applied: applied}
	if call.Action == "http.get" {
		out.Applied = plugins.None
	}
	if got.status != 0 {
		raw, err := outputs(got, time.Since(began))
		if err != nil && out.Failure == nil {
			out.Failure = plugins.AsFailure(err)
		}
		out.Outputs = raw
	}
	return out
}

// Probe is never called: neither action can be probed.
func (t *tool) Probe(context.Context, plugins.Call, json.RawMessage) plugins.Probed {
	return plugins.Probed{Applied: plugins.Unknown, Reason: "a HTTP request leaves nothing to look at"}
}

// Health is fine: there is nothing to reach before a call names it.
func (t *tool) Health(context.Context) error { return nil }

func (t *tool) Close() error {
	t.client.http.CloseIdleConnections()
	return nil
}
