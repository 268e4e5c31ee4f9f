package conformance

import (
	"slices"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// pooler.status: no more clients than there can be, and lists in their order.
func poolerStatus(s *suite, t T, r Read, out capability.PoolerOutput) {
	s.observed(t, r.Service, r.Action, out.Observed)
	if out.Used < 0 || out.Free < 0 || out.Free > out.Limits.MaxClients {
		t.Errorf("%d client connections are used and %d free, of %d", out.Used, out.Free, out.Limits.MaxClients)
	}
	if !slices.IsSortedFunc(out.Pools, func(a, b capability.PoolerPool) int { return b.Waiting - a.Waiting }) {
		t.Errorf("the pools are not listed with those first where most wait")
	}
	if !slices.IsSortedFunc(out.Clients, func(a, b capability.PoolerClient) int { return b.Count - a.Count }) {
		t.Errorf("the clients are not listed with those first who are most")
	}
	for _, c := range out.Clients {
		if c.Waiting > c.Count {
			t.Errorf("%d of %d clients of %s wait", c.Waiting, c.Count, c.User)
		}
	}
}

// pooler.resize: the limit has the size that was asked for, and what was
// shown, what was done and what undoes it speak of the same change.
func poolerResized(s *suite, t T, m Mutation, plan plugins.Plan, done plugins.Outcome) {
	in := decoded[capability.ResizeInput](t, m.Input)
	bound := decoded[capability.ResizeBinding](t, plan.Binding)
	out := decoded[capability.ResizeOutput](t, done.Outputs)
	receipt := decoded[capability.ResizeReceipt](t, done.Receipt)
	s.observed(t, m.Service, m.Action, out.Observed)
	if bound.Limit != in.Limit || bound.To != in.Size {
		t.Errorf("%s to %d was asked for, and the plan binds %s to %d", in.Limit, in.Size, bound.Limit, bound.To)
	}
	if out.Limit != in.Limit || out.From != bound.From || out.To != in.Size {
		t.Errorf("the plan says %s from %d to %d, and the outputs %s from %d to %d", in.Limit, bound.From, in.Size, out.Limit, out.From, out.To)
	}
	if receipt.Limit != in.Limit || receipt.Before != bound.From || receipt.After != in.Size {
		t.Errorf("the plan says %s from %d to %d, and the receipt %s from %d to %d", in.Limit, bound.From, in.Size, receipt.Limit, receipt.Before, receipt.After)
	}
	if !s.offers(t, "pooler.status") {
		return
	}
	now := look[capability.PoolerOutput](s, t, m.Service, "pooler.status", nil).Limits
	sizes := map[capability.PoolerLimit]int{capability.PoolSize: now.PoolSize, capability.ReserveSize: now.ReserveSize, capability.MaxClients: now.MaxClients}
	if now.MaxServers != nil {
		sizes[capability.MaxServers] = *now.MaxServers
	}
	if sizes[in.Limit] != in.Size {
		t.Errorf("%s was set to %d, and pooler.status says %d", in.Limit, in.Size, sizes[in.Limit])
	}
}

// pooler.pause: it has an end, and the plan, what is said and what undoes it
// are of the same database, whose pools are then paused.
func poolerPaused(s *suite, t T, m Mutation, plan plugins.Plan, done plugins.Outcome) {
	in := decoded[capability.PauseInput](t, m.Input)
	bound := decoded[capability.PauseBinding](t, plan.Binding)
	out := decoded[capability.PauseOutput](t, done.Outputs)
	receipt := decoded[capability.PauseReceipt](t, done.Receipt)
	s.observed(t, m.Service, m.Action, out.Observed)
	if bound.Database != in.Database || out.Database != in.Database || receipt.Database != in.Database {
		t.Errorf("%s was to be paused; the plan binds %s, the outputs say %s, the receipt %s", in.Database, bound.Database, out.Database, receipt.Database)
	}
	if bound.For <= 0 || !out.Until.After(out.ObservedAt) || !receipt.Until.Equal(out.Until) {
		t.Errorf("paused at %s for %s until %s, by the receipt until %s", out.ObservedAt, bound.For, out.Until, receipt.Until)
	}
	s.pools(t, m, in.Database, true)
}

// pooler.resume: nothing of the database is paused after it.
func poolerResumed(s *suite, t T, m Mutation, _ plugins.Plan, done plugins.Outcome) {
	in := decoded[capability.ResumeInput](t, m.Input)
	out := decoded[capability.ResumeOutput](t, done.Outputs)
	s.observed(t, m.Service, m.Action, out.Observed)
	if out.Database != in.Database || out.WasPaused != (done.Applied == plugins.All) {
		t.Errorf("%s was to be resumed, which applied %s, and the outputs are %+v", in.Database, done.Applied, out)
	}
	s.pools(t, m, in.Database, false)
}

// pools holds that pooler.status says the same of a database's pools.
func (s *suite) pools(t T, m Mutation, database string, paused bool) {
	t.Helper()
	if !s.offers(t, "pooler.status") {
		return
	}
	for _, p := range look[capability.PoolerOutput](s, t, m.Service, "pooler.status", nil).Pools {
		if p.Database == database && p.Paused != paused {
			t.Errorf("paused should be %t, and pooler.status says %t of %s on %s", paused, p.Paused, p.User, p.Database)
		}
	}
}

// pooler.reload: it says no limit changed that is what it was.
func poolerReloaded(s *suite, t T, m Mutation, _ plugins.Plan, done plugins.Outcome) {
	out := decoded[capability.ReloadOutput](t, done.Outputs)
	s.observed(t, m.Service, m.Action, out.Observed)
	for _, c := range out.Changed {
		if c.Before == c.After {
			t.Errorf("%s is said to be another now, and is %d as before", c.Limit, c.After)
		}
	}
}
