package http

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// backlog is what waits in a service, seen through its admin endpoint.
type backlog struct {
	client  client
	access  plugins.Effect
	cfg     backlogConfig
	timeout time.Duration
}

func bindBacklog(b plugins.Binding) (plugins.Bound, error) {
	var cfg backlogConfig
	if err := strict(b.Config, &cfg); err != nil {
		return nil, plugins.Fail(plugins.Invalid, "backlog: %v", err)
	}
	switch {
	case len(cfg.Status) == 0:
		return nil, plugins.Fail(plugins.Invalid, "status: name the URL that answers what waits")
	case len(cfg.Shed) == 0 && b.Access != plugins.Read:
		return nil, plugins.Fail(plugins.Invalid, "shed: backlog.shed needs the URL that sheds what waits; without one only backlog.status is served")
	}
	timeout := cfg.Timeout.Std()
	if timeout == 0 {
		timeout = defaultTimeout
	}
	return &backlog{client: newClient(), access: b.Access, cfg: cfg, timeout: timeout}, nil
}

// Resource names the hosts that are asked, whatever the order of their URLs.
func (b *backlog) Resource() string {
	var at []string
	for _, text := range b.cfg.Status {
		if u, err := url.Parse(text); err == nil {
			at = append(at, u.Host+u.Path)
		}
	}
	slices.Sort(at)
	return "http:" + strings.Join(slices.Compact(at), ",")
}

func (b *backlog) observed() capability.Observed {
	return capability.Observed{ObservedAt: time.Now().UTC(), Resource: b.Resource()}
}

func (b *backlog) Run(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	ctx, cancel := withDeadline(ctx, call)
	defer cancel()
	switch call.Action {
	case "backlog.status":
		out, failure := b.status(ctx)
		if failure != nil {
			return plugins.Outcome{Failure: failure, Applied: plugins.None}
		}
		raw, err := json.Marshal(out)
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None, Outputs: raw}
	case "backlog.shed":
		return b.shed(ctx, call, to)
	}
	return plugins.Outcome{Failure: plugins.Fail(plugins.Invalid, "plugin http has no action %q on a backlog", call.Action), Applied: plugins.None}
}

// reply is what one replica answered.
type reply struct {
	url     string
	body    []byte
	applied plugins.Applied
	failure *plugins.Failure
}

// each asks every replica, side by side, and returns in the order of urls.
func (b *backlog) each(ctx context.Context, urls []string, method string, body []byte) []reply {
	replies := make([]reply, len(urls))
	var wg sync.WaitGroup
	for i, u := range urls {
		wg.Go(func() {
			h := header(b.cfg.Headers)
			if body != nil {
				h.Set("Content-Type", "application/json")
			}
			got, applied, failure := b.client.do(ctx, ask{method: method, url: u, header: h, body: body, timeout: b.timeout})
			replies[i] = reply{u, got.body, applied, failure}
		})
	}
	wg.Wait()
	return replies
}

// status sums what waits. A replica that does not answer is a failure: a sum
// without it would look like health.
func (b *backlog) status(ctx context.Context) (capability.BacklogOutput, *plugins.Failure) {
	out := capability.BacklogOutput{Observed: b.observed()}
	for _, r := range b.each(ctx, b.cfg.Status, http.MethodGet, nil) {
		if r.failure != nil {
			return out, r.failure
		}
		var one struct {
			Waiting  *int     `json:"waiting"`
			OldestS  *float64 `json:"oldest_s"`
			Shedding bool     `json:"shedding"`
		}
		if err := json.Unmarshal(r.body, &one); err != nil || one.Waiting == nil {
			return out, plugins.Fail(plugins.Invalid, "%s did not answer {waiting, oldest_s, shedding}: %s", r.url, firstLine(r.body))
		}
		out.Waiting += *one.Waiting
		out.Shedding = out.Shedding || one.Shedding
		if one.OldestS != nil && (out.OldestS == nil || *one.OldestS > *out.OldestS) {
			out.OldestS = one.OldestS
		}
	}
	return out, nil
}

// Probe is never called: the contract of backlog.shed has none.
func (b *backlog) Probe(context.Context, plugins.Call, json.RawMessage) plugins.Probed {
	return plugins.Probed{Applied: plugins.Unknown, Reason: "what was shed cannot be told from what was served"}
}

// Health asks for the status.
func (b *backlog) Health(ctx context.Context) error {
	if _, failure := b.status(ctx); failure != nil {
		return failure
	}
	return nil
}

func (b *backlog) Close() error {
	b.client.http.CloseIdleConnections()
	return nil
}

func (b *backlog) describe(s capability.BacklogOutput, in capability.ShedInput) string {
	which := "everything that waits"
	if in.OlderThan > 0 {
		which = "what has waited longer than " + in.OlderThan.String()
	}
	now := fmt.Sprintf("%d waiting now", s.Waiting)
	if s.OldestS != nil {
		now += fmt.Sprintf(", the oldest for %.1f s", *s.OldestS)
	}
	return fmt.Sprintf("cancel %s (%s) and refuse new requests for %s, at %d endpoints\n", which, now, in.For, len(b.cfg.Shed))
}
