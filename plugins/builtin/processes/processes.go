// Package processes is the built-in that serves the workload capability from
// processes of this machine that some supervisor keeps running.
//
// Each replica has a pidfile NAME.pid that holds its process id as decimal
// text, and NAME is the replica's name. Whoever supervises the replicas
// starts an ended one again and then replaces its pidfile; this plugin only
// sends the signal that ends it. Readiness is asked over HTTP, at the URL of
// the configuration with {name} and {port} replaced; the port stands in the
// file NAME.port beside the pidfile. Without a URL a replica is ready as soon
// as it runs.
//
// A process id alone is never believed. A replica is its id and the moment it
// started, and a process that started after its pidfile was written is some
// other one that came by the same id.
package processes

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

type plugin struct{}

// New returns the plugin.
func New() plugins.Plugin { return plugin{} }

func (plugin) Describe() plugins.Description {
	return plugins.Description{
		Name: "processes", Version: "1.0.0",
		Config:  map[string]json.RawMessage{"workload": configSchema()},
		Actions: capability.Named("workload.restart", "workload.status"),
	}
}

func (plugin) Bind(b plugins.Binding) (plugins.Bound, error) {
	if b.Capability != "workload" {
		return nil, plugins.Fail(plugins.Invalid, "plugin processes serves workload, not %q", b.Capability)
	}
	cfg, signal, err := parseConfig(b.Config)
	if err != nil {
		return nil, plugins.Fail(plugins.Invalid, "%v", err)
	}
	return &bound{
		pidfiles: cfg.Pidfiles, signal: signal, signalName: cfg.Signal, ready: cfg.Ready, access: b.Access,
		client: &http.Client{
			Timeout:       5 * time.Second,
			Transport:     &http.Transport{DisableKeepAlives: true}, // the next answer may come from a new process
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// bound is one set of replicas. Its fields do not change.
type bound struct {
	pidfiles   []string
	signal     syscall.Signal
	signalName string
	ready      string
	access     plugins.Effect
	client     *http.Client
}

func (b *bound) Resource() string {
	return "processes:" + strings.Join(slices.Sorted(slices.Values(b.pidfiles)), ",")
}

func (b *bound) observed() capability.Observed {
	return capability.Observed{ObservedAt: time.Now().UTC(), Resource: b.Resource()}
}

func (b *bound) Run(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	if !call.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, call.Deadline)
		defer cancel()
	}
	switch call.Action {
	case "workload.status":
		out, err := b.status(ctx)
		if err != nil {
			return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
		}
		raw, err := json.Marshal(out)
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None, Outputs: raw}
	case "workload.restart":
		return b.restart(ctx, call, to)
	}
	return plugins.Outcome{Failure: plugins.Fail(plugins.Invalid, "plugin processes has no action %q", call.Action), Applied: plugins.None}
}

func (b *bound) status(ctx context.Context) (capability.StatusOutput, error) {
	out := capability.StatusOutput{Observed: b.observed()}
	all, err := b.replicas()
	if err != nil {
		return out, err
	}
	out.Desired = len(all)
	for i, ok := range b.readiness(ctx, all) {
		one := capability.Replica{Name: all[i].name, Version: ok.version, StartedAt: all[i].startedAt, Ready: ok.reason == ""}
		if one.Ready {
			out.Ready++
		} else {
			one.Reason = &ok.reason
		}
		out.Replicas = append(out.Replicas, one)
	}
	return out, nil
}

// Health says whether there are replicas to be found.
func (b *bound) Health(context.Context) error {
	_, err := b.replicas()
	return err
}

func (b *bound) Close() error {
	b.client.CloseIdleConnections()
	return nil
}
