package http

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// settings is what the replicas of a service run with, where each is told
// over HTTP. Its fields do not change.
type settings struct {
	client   client
	access   plugins.Effect
	replicas []string // URLs, in the order in which they are changed
	headers  map[string]string
	timeout  time.Duration
}

func bindSettings(b plugins.Binding) (plugins.Bound, error) {
	var cfg settingsConfig
	if err := strict(b.Config, &cfg); err != nil {
		return nil, plugins.Fail(plugins.Invalid, "settings: %v", err)
	}
	if len(cfg.Replicas) == 0 {
		return nil, plugins.Fail(plugins.Invalid, "replicas: name the URL of each replica's settings")
	}
	if sorted := slices.Sorted(slices.Values(cfg.Replicas)); len(slices.Compact(sorted)) < len(cfg.Replicas) {
		return nil, plugins.Fail(plugins.Invalid, "replicas: a URL stands there twice")
	}
	timeout := cfg.Timeout.Std()
	if timeout == 0 {
		timeout = defaultTimeout
	}
	return &settings{client: newClient(), access: b.Access, replicas: cfg.Replicas, headers: cfg.Headers, timeout: timeout}, nil
}

// Resource names the replicas, whatever the order of their URLs.
func (s *settings) Resource() string {
	var at []string
	for _, text := range s.replicas {
		if u, err := url.Parse(text); err == nil {
			at = append(at, u.Host+u.Path)
		}
	}
	slices.Sort(at)
	return "http:" + strings.Join(at, ",")
}

func (s *settings) observed() capability.Observed {
	return capability.Observed{ObservedAt: time.Now().UTC(), Resource: s.Resource()}
}

func (s *settings) Run(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	ctx, cancel := withDeadline(ctx, call)
	defer cancel()
	if call.Action != "settings.current" {
		return s.write(ctx, call, to)
	}
	out, err := s.current(ctx, call)
	if err != nil {
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
	}
	raw, err := json.Marshal(out)
	return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None, Outputs: raw}
}

// current is the value that all replicas run. Where they differ there is none
// to be told.
func (s *settings) current(ctx context.Context, call plugins.Call) (*capability.CurrentOutput, error) {
	in, err := capability.Input[capability.CurrentInput](call.Action, call.Input)
	if err != nil {
		return nil, err
	}
	all, err := s.values(ctx, in.Setting)
	if err != nil {
		return nil, err
	}
	for _, v := range all {
		if v.value != all[0].value {
			return nil, plugins.Fail(plugins.Inconclusive, "the replicas do not run the same %s: %s; is a change of it under way?", in.Setting, spread(all))
		}
	}
	return &capability.CurrentOutput{Observed: s.observed(), Setting: in.Setting, Value: all[0].value, Revision: fingerprint(in.Setting, all)}, nil
}

// running is what one replica runs.
type running struct {
	url   string
	value capability.Scalar
	etag  string // of its settings, where it says one
}

// values asks every replica, side by side, and returns in their order.
func (s *settings) values(ctx context.Context, setting string) ([]running, error) {
	all := make([]running, len(s.replicas))
	var g errgroup.Group
	g.SetLimit(16)
	for i, u := range s.replicas {
		g.Go(func() (err error) {
			all[i], err = s.value(ctx, u, setting)
			return err
		})
	}
	return all, g.Wait()
}

func (s *settings) value(ctx context.Context, at, setting string) (running, error) {
	v := running{url: at}
	got, _, failure := s.client.do(ctx, ask{method: http.MethodGet, url: at, header: header(s.headers), timeout: s.timeout})
	if failure != nil {
		return v, failure
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(got.body, &all); err != nil {
		return v, plugins.Fail(plugins.Invalid, "%s did not answer an object of its settings: %s", at, firstLine(got.body))
	}
	v.etag = got.header.Get("ETag")
	raw, ok := all[setting]
	if !ok {
		return v, nil // not there: null
	}
	if err := v.value.UnmarshalJSON(raw); err != nil {
		return v, plugins.Fail(plugins.Invalid, "%s: %s: %v", at, setting, err)
	}
	return v, nil
}

// put tells one replica. What it runs by now is not what was read a moment
// before where its ETag is another one: it then refuses.
func (s *settings) put(ctx context.Context, one running, setting string, to capability.Scalar) (plugins.Applied, error) {
	body, err := json.Marshal(map[string]any{setting: to})
	if err != nil {
		return plugins.None, err
	}
	h := header(s.headers)
	h.Set("Content-Type", "application/merge-patch+json")
	if one.etag != "" {
		h.Set("If-Match", one.etag)
	}
	_, applied, failure := s.client.do(ctx, ask{method: http.MethodPatch, url: one.url, header: h, body: body, timeout: s.timeout})
	if failure != nil {
		return applied, failure
	}
	return applied, nil
}

// spread says how many replicas run which value.
func spread(all []running) string {
	var order []capability.Scalar
	count := map[capability.Scalar]int{}
	for _, v := range all {
		if count[v.value] == 0 {
			order = append(order, v.value)
		}
		count[v.value]++
	}
	parts := make([]string, len(order))
	for i, v := range order {
		parts[i] = fmt.Sprintf("%s on %d", v, count[v])
	}
	return strings.Join(parts, ", ")
}

// fingerprint is of one setting on all replicas.
func fingerprint(setting string, all []running) string {
	values := map[string]any{}
	for _, v := range all {
		values[v.url] = v.value
	}
	return plugins.Fingerprint(map[string]any{"setting": setting, "values": values})
}

// Health says whether every replica answers.
func (s *settings) Health(ctx context.Context) error {
	_, err := s.values(ctx, "")
	return err
}

func (s *settings) Close() error {
	s.client.http.CloseIdleConnections()
	return nil
}
