package conformance

import (
	"bytes"
	"fmt"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/host"
	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

// mutate tries a mutation in the order of a run: planned, stopped before it
// starts, run on a target that drifted, run, and undone.
func (s *suite) mutate(t T, m Mutation) {
	action, _, err := s.host.Resolve(patient(t), m.Service, m.Action)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if action.Effect == plugins.Read {
		t.Fatalf("%s is a read", m.Action)
	}
	try := func(name string, rule func(T)) { t.Run(name, s.prepared(rule)) }
	try("plan", func(t T) { s.plan(t, m, action) })
	try("cancel before start", func(t T) { s.cancelled(t, m) })
	switch {
	case m.Drift != nil:
		try("drift", func(t T) { s.drift(t, m) })
	case !action.NoPrecondition:
		t.Errorf("%s does not say that it has no precondition: say how its target drifts", m.Action)
	}
	try("run", func(t T) { s.run(t, m, action) })
}

// plan: it changes nothing, and says the same twice, in canonical form.
func (s *suite) plan(t T, m Mutation, action plugins.Action) {
	ctx := patient(t)
	before := m.State(t)
	w := s.wire(ctx, t, s.section(t, m), plugins.Mutate)
	call := &pb.Call{Id: t.Name(), Binding: w.binding, Action: m.Action, Input: m.Input}
	var plans [2]*pb.PlanResponse
	for i := range plans {
		plan, err := w.client.Plan(ctx, &pb.PlanRequest{Call: call})
		if err != nil {
			t.Fatalf("%v", err)
		}
		if plan.GetFailure() != nil {
			t.Fatalf("it cannot be planned: %v", plan.GetFailure())
		}
		plans[i] = plan
	}
	canonical, err := plugins.Canonical(plans[0].GetBinding())
	if err != nil {
		t.Fatalf("%v", err)
	}
	if !bytes.Equal(canonical, plans[0].GetBinding()) {
		t.Errorf("the binding is not canonical:\n%s\nwant\n%s", plans[0].GetBinding(), canonical)
	}
	if !bytes.Equal(plans[0].GetBinding(), plans[1].GetBinding()) || plans[0].GetFingerprint() != plans[1].GetFingerprint() {
		t.Errorf("planned twice, it is another plan:\n%v\n%v", plans[0], plans[1])
	}
	if fingerprint := plans[0].GetFingerprint(); action.NoPrecondition && fingerprint != "" {
		t.Errorf("%s has no precondition, which people are told, and yet its plan has the fingerprint %q", m.Action, fingerprint)
	}
	if plans[0].GetDetail() == "" {
		t.Errorf("the plan shows people nothing")
	}
	s.unchanged(t, m, before, "planning")
}

// cancelled: stopped before it starts, it changes nothing.
func (s *suite) cancelled(t T, m Mutation) {
	ctx := patient(t)
	before := m.State(t)
	w := s.wire(ctx, t, s.section(t, m), plugins.Mutate)
	if _, err := w.client.Cancel(ctx, &pb.CancelRequest{Id: t.Name()}); err != nil {
		t.Fatalf("%v", err)
	}
	outcome := w.run(ctx, t, &pb.Call{Id: t.Name(), Binding: w.binding, Action: m.Action, Input: m.Input})
	if outcome.GetFailure().GetClass() != plugins.Cancelled || outcome.GetApplied() != pb.Applied_APPLIED_NONE {
		t.Errorf("outcome %v; want class cancelled, applied none", outcome)
	}
	s.unchanged(t, m, before, "a call that was stopped before it started")
}

// drift: what is not as it was planned is left alone.
func (s *suite) drift(t T, m Mutation) {
	ctx := patient(t)
	call := m.call(t.Name())
	before := m.State(t)
	call.Expect = s.planned(t, call).Fingerprint
	m.Drift(t)
	drifted := m.State(t)
	if drifted == before {
		t.Fatalf("the target did not drift: it is %q as before", before)
	}
	outcome := s.host.Run(ctx, call, nil)
	if outcome.Failure == nil || outcome.Failure.Class != plugins.Drift || outcome.Applied != plugins.None {
		t.Errorf("%s; want class drift, applied none", ended(outcome))
	}
	s.unchanged(t, m, drifted, "a call that expected something else")
}

func (s *suite) run(t T, m Mutation, action plugins.Action) {
	ctx := patient(t)
	before := m.State(t)
	call := m.call(t.Name())
	plan := s.planned(t, call)
	call.Expect = plan.Fingerprint
	if action.Probe {
		if probed := s.host.Probe(ctx, call, plan.Undo); probed.Applied != plugins.None {
			t.Errorf("probed before it ran, it is applied: %s (%s); want none", probed.Applied, probed.Reason)
		}
	}
	outcome := s.host.Run(ctx, call, nil)
	if outcome.Failure != nil {
		t.Fatalf("%s, applied %s: %s", outcome.Failure.Class, outcome.Applied, outcome.Failure.Reason)
	}
	after := m.State(t)
	if judge := mutations[m.Action]; judge != nil {
		judge(s, t, m, plan, outcome)
	}
	if changed := after != before; changed != (outcome.Applied == plugins.All) {
		t.Errorf("applied %s, and the target went from %q to %q", outcome.Applied, before, after)
	}
	if action.Probe {
		if probed := s.host.Probe(ctx, call, plan.Undo); probed.Applied != outcome.Applied {
			t.Errorf("probed after it ran, it is applied: %s (%s); want %s", probed.Applied, probed.Reason, outcome.Applied)
		}
	}
	if action.Idempotent {
		call.ID += " again"
		s.host.Run(ctx, call, nil) // it may refuse; what counts is the target
		s.unchanged(t, m, after, "running it again")
	}
	if action.Undo != "" {
		s.undo(t, m, action, outcome, before)
	}
}

// undo: the receipt puts back what was.
func (s *suite) undo(t T, m Mutation, action plugins.Action, done plugins.Outcome, before string) {
	if len(done.Receipt) == 0 {
		t.Fatalf("%s undoes it, and it gave no receipt", action.Undo)
	}
	call := host.Call{ID: t.Name() + " undo", Service: m.Service, Action: action.Undo, Receipt: done.Receipt}
	plan := s.planned(t, call)
	if !action.NoPrecondition && plan.Fingerprint != done.Left {
		t.Errorf("it left its target as %q, and its undo finds %q", done.Left, plan.Fingerprint)
	}
	call.Expect = plan.Fingerprint
	outcome := s.host.Run(patient(t), call, nil)
	if outcome.Failure != nil {
		t.Fatalf("undoing: %s, applied %s: %s", outcome.Failure.Class, outcome.Applied, outcome.Failure.Reason)
	}
	s.unchanged(t, m, before, "running and undoing it")
}

// ended is an outcome in words.
func ended(o plugins.Outcome) string {
	if o.Failure == nil {
		return fmt.Sprintf("it succeeded, applied %s", o.Applied)
	}
	return fmt.Sprintf("it failed with class %s, applied %s: %s", o.Failure.Class, o.Applied, o.Failure.Reason)
}

func (s *suite) planned(t T, call host.Call) plugins.Plan {
	t.Helper()
	plan, err := s.host.Plan(patient(t), call)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return plan
}

func (s *suite) unchanged(t T, m Mutation, before, by string) {
	t.Helper()
	if after := m.State(t); after != before {
		t.Errorf("%s changed the target from %q to %q", by, before, after)
	}
}

func (s *suite) section(t T, m Mutation) host.Section {
	t.Helper()
	_, key, err := s.host.Resolve(patient(t), m.Service, m.Action)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, section := range s.cases.Sections {
		if section.Service == key.Service && section.Capability == key.Capability && (key.Tool == "" || key.Tool == section.Plugin) {
			return section
		}
	}
	return host.Section{Plugin: key.Tool}
}
