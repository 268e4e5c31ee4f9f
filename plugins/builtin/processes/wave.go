package processes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// restartBinding is what a plan of workload.restart binds. With since it is
// bound how far the restart goes, whichever replicas are left by then.
type restartBinding struct {
	Resource    string              `json:"resource"`
	Signal      string              `json:"signal"`
	Waves       [][]string          `json:"waves,omitempty"` // names of replicas
	UpTo        []capability.Wave   `json:"up_to,omitempty"`
	Since       time.Time           `json:"since,omitzero"`
	Started     time.Time           `json:"started_since,omitzero"`
	ReadyWithin capability.Duration `json:"ready_within"`
}

// cut divides the replicas into waves. Those that have started since are done,
// and count; those that started before started_since are none of it. One whose
// start is too near to tell is restarted. Those that do not run come first: the
// next wave waits until they are back. The error is of a wave that takes all,
// and for which there is no reason.
func cut(all []replica, in capability.RestartInput) (out [][]replica, herd error) {
	left := slices.Clone(all)
	if !in.Since.IsZero() {
		left = slices.DeleteFunc(left, func(r replica) bool { return r.startedAt.After(in.Since.Add(sameStart)) })
	}
	total := len(all)
	if !in.Started.IsZero() {
		left = slices.DeleteFunc(left, func(r replica) bool { return r.runs() && r.startedAt.Before(in.Started.Add(-sameStart)) })
		total = len(left)
	}
	slices.SortStableFunc(left, func(a, b replica) int {
		switch {
		case a.runs() == b.runs():
			return 0
		case b.runs():
			return -1
		}
		return 1
	})
	for _, n := range capability.Cut(in.Waves, total-len(left), total) {
		if err := capability.AllAtOnce(n, len(all), in.AllAtOnce); err != nil {
			herd = err
		}
		out = append(out, left[:n])
		left = left[n:]
	}
	return out, herd
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
	in, err := capability.Input[capability.RestartInput](call.Action, call.Input)
	if err == nil && in.Strategy == capability.Rollout {
		err = plugins.Fail(plugins.Invalid, "nothing rolls processes out: leave strategy out, and they are restarted in waves")
	}
	return in, err
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
	waves, herd := cut(all, in)
	if herd != nil && in.Since.IsZero() {
		return plugins.Plan{}, herd
	}
	bind := restartBinding{Resource: b.Resource(), Signal: b.signalName, Since: in.Since, Started: in.Started, ReadyWithin: in.ReadyWithin}
	if !in.Since.IsZero() {
		bind.UpTo = in.Waves
	}
	receipt := capability.RestartReceipt{}
	detail := &strings.Builder{}
	ready := map[string]readiness{}
	for i, ok := range b.readiness(ctx, all) {
		ready[all[i].name] = ok
	}
	if len(waves) == 0 {
		detail.WriteString(in.Nothing())
	}
	for i, wave := range waves {
		if bind.UpTo == nil {
			bind.Waves = append(bind.Waves, names(wave))
		}
		fmt.Fprintf(detail, "wave %d of %d, ready within %s:\n", i+1, len(waves), in.ReadyWithin)
		for _, r := range wave {
			receipt.Replicas = append(receipt.Replicas, capability.RestartedReplica{Name: r.name, Was: r.startedAt})
			fmt.Fprintf(detail, "  %s\n", r.describe(b.signalName, ready[r.name]))
		}
	}
	if herd != nil { // steps before this one may have restarted some by then
		fmt.Fprintf(detail, "refused, unless some have started by then: %v\n", herd)
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
