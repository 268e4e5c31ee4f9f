package conformance

import (
	"slices"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// database.connections: no more slots than there are, and lists in their order.
func databaseConnections(s *suite, t T, r Read, out capability.ConnectionsOutput) {
	s.observed(t, r.Service, r.Action, out.Observed)
	if out.Used < 0 || out.Free < 0 || out.Used+out.Free > out.Limits.Max {
		t.Errorf("%d slots are used and %d free, of %d", out.Used, out.Free, out.Limits.Max)
	}
	sessions := 0
	for _, state := range out.States {
		sessions += state.Count
		if state.Frozen > state.Count {
			t.Errorf("%d of %d sessions are frozen as %s", state.Frozen, state.Count, state.State)
		}
	}
	if sessions > out.Limits.Max {
		t.Errorf("%d sessions have a state, and there can be %d", sessions, out.Limits.Max)
	}
	if !slices.IsSortedFunc(out.Clients, func(a, b capability.Client) int { return b.Count - a.Count }) {
		t.Errorf("the clients are not listed with those first who hold most")
	}
	if !slices.IsSortedFunc(out.Waits, func(a, b capability.Wait) int { return b.Count - a.Count }) {
		t.Errorf("the waits are not listed with the most frequent first")
	}
}
