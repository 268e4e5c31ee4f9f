package processes

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// sameStart is how far two readings of one process's start may differ: each
// is rounded to 10 ms.
const sameStart = 15 * time.Millisecond

// Probe compares the processes of the plan with those of now: by the call's
// fingerprint, which is exact, and replica by replica by when each had
// started, which a step of the clock shifts. It cannot tell a restart of ours from a crash; both leave fresh
// connections.
func (b *bound) Probe(_ context.Context, call plugins.Call, undo json.RawMessage) plugins.Probed {
	var planned capability.RestartReceipt
	if err := json.Unmarshal(undo, &planned); err != nil || planned.Replicas == nil {
		return plugins.Probed{Applied: plugins.Unknown, Reason: "the plan left no list of replicas to compare with"}
	}
	all, err := b.replicas()
	if err != nil {
		return plugins.Probed{Applied: plugins.Unknown, Reason: err.Error()}
	}
	left := fingerprint(all)
	if call.Expect == left {
		return plugins.Probed{Applied: plugins.None, Left: left, Reason: "every replica is the process that it was at the plan"}
	}
	now := map[string]replica{}
	for _, r := range all {
		now[r.name] = r
	}
	var done capability.RestartReceipt
	var back, ended, same []string
	for _, was := range planned.Replicas {
		is := now[was.Name]
		switch {
		case is.runs() && is.startedAt.Sub(was.Was).Abs() < sameStart,
			!is.runs() && was.Was.IsZero(): // it did not run before either
			same = append(same, was.Name)
			continue
		case is.runs():
			back = append(back, was.Name)
		default:
			ended = append(ended, was.Name)
		}
		done.Replicas = append(done.Replicas, capability.RestartedReplica{Name: was.Name, Was: was.Was, Is: is.startedAt})
	}
	out := plugins.Probed{Applied: plugins.Partial, Left: left}
	out.Reason = fmt.Sprintf("%d of %d replicas have started anew since the plan%s%s%s", len(back), len(planned.Replicas),
		listed(": ", back), listed("; ended and not back: ", ended), listed("; not restarted: ", same))
	switch {
	case len(done.Replicas) == 0:
		out.Applied = plugins.None
		return out
	case len(back) == len(planned.Replicas):
		out.Applied = plugins.All
	}
	if out.Receipt, err = json.Marshal(done); err == nil {
		out.Outputs, err = json.Marshal(capability.RestartOutput{Observed: b.observed()})
	}
	if err != nil {
		return plugins.Probed{Applied: plugins.Unknown, Reason: err.Error()}
	}
	return out
}

// listed is a part of a sentence that names replicas; empty without any.
func listed(before string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return before + strings.Join(names, ", ")
}

func sortedKeys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
