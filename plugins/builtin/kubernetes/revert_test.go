package kubernetes

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func revertCall(input string) plugins.Call {
	return plugins.Call{Action: "workload.rollback", Input: json.RawMessage(input)}
}

// A rollout that is stuck goes back to what still runs, which is not the
// revision before it when that was bad as well.
func TestRollbackOfAStuckRollout(t *testing.T) {
	p := startPlane(t)
	p.deploy(2, "api:1", nil)
	p.steady()
	w := p.workload("")
	for _, bad := range []string{"api:missing", "api:unconfigured"} {
		p.image(bad)
		p.eventually("a rollout that is stuck", func() bool { return p.status(w).Rollout.Stuck != "" && p.status(w).Replicas[0].Name != "" })
		p.eventually("its revision", func() bool {
			f, err := w.fleet(t.Context())
			return err == nil && f.newest() != nil
		})
	}
	revisions := p.status(w).Rollout.Revisions
	if len(revisions) != 3 || revisions[0].Name != "3" || revisions[0].Images[0] != "api:unconfigured" || !revisions[2].LastGood || revisions[1].LastGood {
		t.Fatalf("revisions are %+v", revisions)
	}
	back := revertCall(`{}`)
	back.Origin.ApprovedBy = []string{"alice", "bob"}
	plan, out := p.run(w, back)
	p.done(out, plugins.All)
	f, err := w.fleet(t.Context())
	if err != nil || f.set.meta.Annotations[approvedNote] != "alice, bob" {
		t.Errorf("the Deployment is noted as %v, %v", f.set.meta.Annotations, err)
	}
	if want := "- spec.containers[api].image: api:unconfigured\n+ spec.containers[api].image: api:1\n"; !strings.HasSuffix(plan.Detail, want) {
		t.Errorf("the plan shows\n%swant\n%s", plan.Detail, want)
	}
	got := output[capability.RevertOutput](t, out.Outputs)
	if got.From != "3" || got.To != "1" || got.Revision != "4" || !got.Complete {
		t.Errorf("the outputs are %+v", got)
	}
	if n := len(p.pods.pods()); n != 2 {
		t.Errorf("%d pods were started; those of the good revision were never gone", n)
	}

	// Its undo puts the bad one back, and that alone: it is refused once
	// somebody else has rolled out another.
	undo := plugins.Call{ID: "undo", Action: "workload.rollback", Receipt: out.Receipt}
	if _, err := w.Plan(t.Context(), undo); err != nil {
		t.Fatal(err)
	}
	p.image("api:2")
	p.eventually("its revision", func() bool {
		f, err := w.fleet(t.Context())
		return err == nil && f.newest() != nil
	})
	p.fails(w.Run(t.Context(), undo, &stream{}), plugins.Drift, plugins.None, "somebody changed it")
}

func TestRollbackToANamedRevision(t *testing.T) {
	p := startPlane(t)
	p.deploy(1, "api:1", nil)
	p.steady()
	for _, image := range []string{"api:2", "api:3"} {
		p.image(image)
		p.steady()
	}
	w := p.workload("")
	_, out := p.run(w, revertCall(`{"revision": "1"}`))
	p.done(out, plugins.All)
	if f, err := w.fleet(t.Context()); err != nil || images(&f.set.template)[0] != "api:1" {
		t.Errorf("it is at %v: %v", f, err)
	}
	_, err := w.Plan(t.Context(), revertCall(`{"revision": "77"}`))
	if f := plugins.AsFailure(err); f == nil || f.Class != plugins.NotFound || !strings.Contains(f.Reason, "77") {
		t.Errorf("a revision that is not kept: %v", err)
	}
	// A lost call is told from somebody else's work by its own note.
	call := revertCall(`{"revision": "1"}`)
	for id, want := range map[string]plugins.Applied{p.Name() + " workload.rollback": plugins.All, "another": plugins.None} {
		call.ID = id
		if probed := w.Probe(t.Context(), call, out.Receipt); probed.Applied != want {
			t.Errorf("probed as %q: %s, %s; want %s", id, probed.Applied, probed.Reason, want)
		}
	}
}

// What a rollback goes back to that nobody has named is what was shown, also
// where another version has come to serve between the plan and the act.
func TestRollbackGoesWhereItWasShown(t *testing.T) {
	version := func(image string, number, ready int) revision {
		template := corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "api", Image: image}}}}
		return revision{name: image, number: number, template: template, ready: ready}
	}
	f := &fleet{revisions: []revision{version("api:3", 3, 0), version("api:2", 2, 0), version("api:1", 1, 2)}}
	f.set = &set{ref: ref{deployments, "api"}, replicas: 3, atOnce: 1, template: f.revisions[0].template}
	r, err := f.workOut(revertCall(`{}`))
	if err != nil || r.to.name != "api:1" {
		t.Fatalf("%+v, %v", r, err)
	}
	call := revertCall(`{}`)
	call.Expect = r.fingerprint(f.set)
	if r, err = f.workOut(call); err != nil || r.to.name != "api:1" {
		t.Errorf("%+v, %v", r, err)
	}
	f.revisions[1].ready = 1
	if _, err = f.workOut(call); plugins.AsFailure(err) == nil || plugins.AsFailure(err).Class != plugins.Drift {
		t.Errorf("another is the last good one: %v", err)
	}
	named := revertCall(`{"revision": "1"}`)
	named.Expect = f.set.fingerprint()
	if r, err = f.workOut(named); err != nil || r.to.name != "api:1" {
		t.Errorf("one that is named: %+v, %v", r, err)
	}
}

// What had no replica at all is taken back to none, and is known again.
func TestScaleFromNothing(t *testing.T) {
	w := &workload{ref: ref{deployments, "api"}, least: 1, most: 5}
	back, err := w.workOutScale(plugins.Call{Action: "workload.scale", Receipt: json.RawMessage(`{"before": 0, "after": 3}`)}, &set{replicas: 3})
	if err != nil || back.from != 3 || back.to != 0 {
		t.Errorf("%+v, %v", back, err)
	}
	for _, none := range []string{`{}`, `{"replicas": []}`} {
		if _, err := w.workOutScale(plugins.Call{Action: "workload.scale", Receipt: json.RawMessage(none)}, &set{replicas: 3}); err == nil {
			t.Errorf("%s is taken for a receipt", none)
		}
	}
}

func TestScaleWithinLimits(t *testing.T) {
	p := startPlane(t)
	p.deploy(2, "api:1", nil)
	p.steady()
	w := p.workload("")
	call := func(input string) plugins.Call {
		return plugins.Call{Action: "workload.scale", Input: json.RawMessage(input)}
	}
	_, err := w.Plan(t.Context(), call(`{"replicas": 6}`))
	if f := plugins.AsFailure(err); f == nil || f.Class != plugins.Denied || !strings.Contains(f.Reason, "max_replicas 5") {
		t.Errorf("above the limit: %v", err)
	}
	_, out := p.run(w, call(`{"replicas": 3}`))
	p.done(out, plugins.All)
	if got := output[capability.ScaleOutput](t, out.Outputs); got.From != 2 || got.To != 3 || got.Ready != 3 {
		t.Errorf("the outputs are %+v", got)
	}
	p.ask("POST", p.at("policy/v1", "poddisruptionbudgets"), `{"metadata": {"name": "keep"}, "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "api"}}}}`, nil)
	if plan, err := w.Plan(t.Context(), call(`{"replicas": 1}`)); err != nil || !strings.Contains(plan.Detail, "budget keep") || !strings.Contains(plan.Detail, "does not heed it") {
		t.Errorf("the plan of taking replicas away tells of no budget: %v\n%s", err, plan.Detail)
	}
	w.least, w.most = 0, 0
	if _, err := w.Plan(t.Context(), call(`{"replicas": 2}`)); plugins.AsFailure(err) == nil || !strings.Contains(err.Error(), "min_replicas") {
		t.Errorf("without limits: %v", err)
	}
}
