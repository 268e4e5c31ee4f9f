package processes

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// restartBinding is what a plan of workload.restart binds.
type restartBinding struct {
	Resource    string              `json:"resource"`
	Signal      string              `json:"signal"`
	Waves       [][]string          `json:"waves"` // names of replicas
	ReadyWithin capability.Duration `json:"ready_within"`
}

// cut divides the replicas into waves: shares are cumulative, and an empty
// wave is dropped.
func cut(all []replica, waves []capability.Wave) [][]replica {
	var out [][]replica
	done := 0
	for _, w := range waves {
		if upTo := w.Of(len(all)); upTo > done {
			out = append(out, all[done:upTo])
			done = upTo
		}
	}
	return out
}

func names(wave []replica) []string {
	out := make([]string, len(wave))
	for i, r := range wave {
		out[i] = r.name
	}
	return out
}

func restartInput(call plugins.Call) (capability.RestartInput, error) {
	if call.Action != "workload.restart" {
		return capability.RestartInput{}, plugins.Fail(plugins.Invalid, "plugin processes has no mutating action %q", call.Action)
	}
	if len(call.Receipt) > 0 {
		return capability.RestartInput{}, plugins.Fail(plugins.Invalid, "workload.restart takes no receipt: it cannot be undone")
	}
	return capability.Input[capability.RestartInput](call.Action, call.Input)
}

func (b *bound) Plan(ctx context.Context, call plugins.Call) (plugins.Plan, error) {
	in, err := restartInput(call)
	if err != nil {
		return plugins.Plan{}, err
	}
	all, err := b.replicas()
	if err != nil {
		return plugins.Plan{}, err
	}
	now := fingerprint(all)
	if call.Expect != "" && call.Expect != now {
		return plugins.Plan{}, drift()
	}
	waves := cut(all, in.Waves)
	bind := restartBinding{Resource: b.Resource(), Signal: b.signalName, ReadyWithin: in.ReadyWithin}
	receipt := capability.RestartReceipt{}
	detail := &strings.Builder{}
	ready := map[string]readiness{}
	for i, ok := range b.readiness(ctx, all) {
		ready[all[i].name] = ok
	}
	for i, wave := range waves {
		bind.Waves = append(bind.Waves, names(wave))
		fmt.Fprintf(detail, "wave %d of %d, ready within %s:\n", i+1, len(waves), in.ReadyWithin)
		for _, r := range wave {
			receipt.Replicas = append(receipt.Replicas, capability.RestartedReplica{Name: r.name, Was: r.startedAt})
			fmt.Fprintf(detail, "  %s\n", r.describe(b.signalName, ready[r.name]))
		}
	}
	binding, err := plugins.Canonical(bind)
	if err != nil {
		return plugins.Plan{}, err
	}
	undo, err := json.Marshal(receipt)
	return plugins.Plan{
		Binding: binding, Detail: detail.String(), Fingerprint: now, Undo: undo, Resource: b.Resource(),
		BlastRadius: plugins.BlastRadius{Unit: "replicas", Affected: len(receipt.Replicas), Total: len(all)},
	}, err
}

func (r replica) describe(signal string, ok readiness) string {
	switch {
	case !r.runs():
		return r.name + ": " + r.reason
	case ok.reason != "":
		return fmt.Sprintf("%s: SIG%s to process %d, started %s, %s", r.name, signal, r.pid, r.startedAt.Format(time.RFC3339), ok.reason)
	}
	return fmt.Sprintf("%s: SIG%s to process %d, started %s, ready", r.name, signal, r.pid, r.startedAt.Format(time.RFC3339))
}

func drift() *plugins.Failure {
	return plugins.Fail(plugins.Drift, "replicas were restarted, added or removed since this was planned; nothing was restarted")
}
