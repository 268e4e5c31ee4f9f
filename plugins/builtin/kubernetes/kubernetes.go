// Package kubernetes is the built-in that serves the workload capability from
// a Deployment or a StatefulSet, and the settings capability from a ConfigMap.
//
// It talks to the API server with client-go, either as a kubeconfig says or,
// inside a pod, as that pod's ServiceAccount. It never deletes a pod: it asks
// for an eviction, which PodDisruptionBudgets may refuse. What it writes bears
// the field manager firebreak and is tied to the resourceVersion that it read.
package kubernetes

import (
	"context"
	"encoding/json"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

type plugin struct {
	account string // the folder with the ServiceAccount of the pod that this is
}

// New returns the plugin.
func New() plugins.Plugin { return plugin{account: podAccount} }

func (plugin) Describe() plugins.Description {
	return plugins.Description{
		Name: "kubernetes", Version: "1.0.0",
		Config: map[string]json.RawMessage{"settings": schemaOf[settingsConfig](), "workload": schemaOf[workloadConfig]()},
		Actions: capability.Named(
			"settings.apply", "settings.changes", "settings.current", "settings.rollback",
			"workload.restart", "workload.rollback", "workload.scale", "workload.status",
		),
	}
}

func (p plugin) Bind(b plugins.Binding) (plugins.Bound, error) {
	switch b.Capability {
	case "workload":
		return bindWorkload(b, p.account)
	case "settings":
		return bindSettings(b, p.account)
	}
	return nil, plugins.Fail(plugins.Invalid, "plugin kubernetes serves settings and workload, not %q", b.Capability)
}

// within ends ctx at the call's deadline.
func within(ctx context.Context, call plugins.Call) (context.Context, context.CancelFunc) {
	if call.Deadline.IsZero() {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, call.Deadline)
}

func observed(resource string) capability.Observed {
	return capability.Observed{ObservedAt: time.Now().UTC(), Resource: resource}
}

// read makes the outcome of a reading action.
func read(out any, err error) plugins.Outcome {
	if err != nil {
		return failed(err)
	}
	raw, err := json.Marshal(out)
	return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None, Outputs: raw}
}

// failed is the outcome of a call that changed nothing.
func failed(err error) plugins.Outcome {
	return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
}

// stopped says whether the caller wants no more.
func stopped(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// pause waits, and is false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
