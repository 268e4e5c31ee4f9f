package conformance

import (
	"reflect"
	"slices"

	"github.com/firebreak-ops/firebreak/plugins"
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

// database.cancel and database.terminate: no more than the input allows, and
// each that was signalled is named, in the outputs and in the receipt.
func sessionsSignalled(s *suite, t T, m Mutation, plan plugins.Plan, done plugins.Outcome) {
	in := decoded[capability.SessionsInput](t, m.Input)
	out := decoded[capability.SessionsOutput](t, done.Outputs)
	receipt := decoded[capability.SessionsReceipt](t, done.Receipt)
	s.observed(t, m.Service, m.Action, out.Observed)
	if bound := decoded[capability.SessionsBinding](t, plan.Binding); bound.Action != m.Action {
		t.Errorf("the plan of %s binds %s", m.Action, bound.Action)
	}
	if len(out.Sessions) != out.Signalled || in.Most > 0 && out.Signalled > in.Most {
		t.Errorf("%d were signalled, %d of them are named, and no more than %d were allowed", out.Signalled, len(out.Sessions), in.Most)
	}
	gone := 0
	for _, session := range out.Sessions {
		if session.Gone {
			gone++
		}
	}
	if gone != out.Gone {
		t.Errorf("%d are gone, and %d are said to be", gone, out.Gone)
	}
	if !slices.EqualFunc(out.Sessions, receipt.Sessions, func(a, b capability.Session) bool { return a.SessionRef == b.SessionRef }) {
		t.Errorf("the outputs and the receipt name different sessions: %v and %v", out.Sessions, receipt.Sessions)
	}
}

// database.limit: what was shown, what was done and what undoes it speak of
// the same change, the one that was asked for.
func databaseLimited(s *suite, t T, m Mutation, plan plugins.Plan, done plugins.Outcome) {
	in := decoded[capability.LimitInput](t, m.Input)
	bound := decoded[capability.LimitBinding](t, plan.Binding)
	out := decoded[capability.LimitOutput](t, done.Outputs)
	receipt := decoded[capability.LimitReceipt](t, done.Receipt)
	s.observed(t, m.Service, m.Action, out.Observed)
	want := capability.LimitReceipt{Role: in.Role, Database: in.Database, Before: bound.From, After: in.Limit}
	for what, have := range map[string]capability.LimitReceipt{
		"the plan":    {Role: bound.Role, Database: bound.Database, Before: bound.From, After: bound.To},
		"the outputs": {Role: out.Role, Database: out.Database, Before: out.From, After: out.To},
		"the receipt": receipt,
	} {
		if !reflect.DeepEqual(have, want) {
			t.Errorf("%s is not of the change that was asked for: %+v; want %+v", what, have, want)
		}
	}
}

// database.configure: the same, and it is live unless it waits for a restart.
func databaseConfigured(s *suite, t T, m Mutation, plan plugins.Plan, done plugins.Outcome) {
	in := decoded[capability.ConfigureInput](t, m.Input)
	bound := decoded[capability.ConfigureBinding](t, plan.Binding)
	out := decoded[capability.ConfigureOutput](t, done.Outputs)
	receipt := decoded[capability.ConfigureReceipt](t, done.Receipt)
	s.observed(t, m.Service, m.Action, out.Observed)
	want := capability.ConfigureReceipt{Setting: in.Setting, Role: in.Role, Before: bound.From, After: in.Value}
	for what, have := range map[string]capability.ConfigureReceipt{
		"the plan":    {Setting: bound.Setting, Role: bound.Role, Before: bound.From, After: bound.To},
		"the outputs": {Setting: out.Setting, Role: out.Role, Before: out.From, After: out.To},
		"the receipt": receipt,
	} {
		if have != want {
			t.Errorf("%s is not of the change that was asked for: %+v; want %+v", what, have, want)
		}
	}
	if out.Live && out.PendingRestart {
		t.Errorf("%s is said to be live and to wait for a restart", in.Setting)
	}
}
