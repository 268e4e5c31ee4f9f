package kubernetes

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func startStateful(t *testing.T) *plane {
	t.Helper()
	p := startPlane(t)
	p.runs = statefulSets
	return p
}

// The pods of a StatefulSet come back under the names that they had, and are
// replaced from the last to the first, one missing at a time.
func TestStatefulSetRestart(t *testing.T) {
	p := startStateful(t)
	p.deploy(4, "api:1", nil)
	p.old()
	w := p.workload("")
	p.pods.mark()
	plan, out := p.run(w, restartCall("", `{}`))
	p.done(out, plugins.All)
	bind := output[restartBinding](t, plan.Binding)
	if got := slices.Concat(bind.Waves...); !slices.Equal(got, []string{"api-3", "api-2", "api-1", "api-0"}) || bind.AtOnce != 1 {
		t.Errorf("waves are %v, %d at once", bind.Waves, bind.AtOnce)
	}
	if p.pods.fewest < 3 {
		t.Errorf("%d of 4 pods served at once, and no more than 1 may be missing", p.pods.fewest)
	}
	receipt := output[capability.RestartReceipt](t, out.Receipt)
	for i, r := range receipt.Replicas {
		if r.Name != bind.Waves[0][0] && i == 0 || r.Replaced != "" || !r.Was.Before(r.Is) {
			t.Errorf("the receipt says %+v", r)
		}
	}
	for name, n := range p.pods.pods() {
		if n != 2 {
			t.Errorf("%s was started %d times, not twice", name, n)
		}
	}
	if probed := w.Probe(t.Context(), plugins.Call{Action: "workload.restart", Expect: plan.Fingerprint}, plan.Undo); probed.Applied != plugins.All || string(probed.Receipt) != string(out.Receipt) {
		t.Errorf("a lost call: %s, receipt %s; it was %s", probed.Applied, probed.Receipt, out.Receipt)
	}
	if got := w.Resource(); !strings.HasSuffix(got, "/"+p.namespace+"/statefulset/api") {
		t.Errorf("it is %s", got)
	}
}

// A StatefulSet whose new version does not start waits for it for ever, even
// once its template is the old one again: what holds it up is taken away.
func TestStatefulSetRollback(t *testing.T) {
	p := startStateful(t)
	p.deploy(3, "api:1", nil)
	p.steady()
	w := p.workload("")
	p.image("api:2")
	p.steady()
	p.image("api:missing")
	var status *capability.StatusOutput
	p.eventually("a rollout that is stuck", func() bool {
		status = p.status(w)
		return status.Rollout.Stuck != ""
	})
	r := status.Rollout
	if r.Stuck != capability.StuckImagePull || !strings.Contains(r.Reason, "pod api-2: ") || r.Revision != "3" || r.Complete || status.Ready != 2 {
		t.Fatalf("%d are ready, the rollout is %+v", status.Ready, r)
	}
	if len(r.Revisions) != 3 || !r.Revisions[1].LastGood || r.Revisions[1].Ready != 2 || r.Revisions[1].Images[0] != "api:2" {
		t.Fatalf("revisions are %+v", r.Revisions)
	}
	back := plugins.Call{Action: "workload.rollback", Input: json.RawMessage(`{}`), Origin: plugins.Origin{ApprovedBy: []string{"alice"}}}
	plan, out := p.run(w, back)
	p.done(out, plugins.All)
	if want := "- spec.containers[api].image: api:missing\n+ spec.containers[api].image: api:2\n"; !strings.HasSuffix(plan.Detail, want) {
		t.Errorf("the plan shows\n%s", plan.Detail)
	}
	got := output[capability.RevertOutput](t, out.Outputs)
	if got.From != "3" || got.To != "2" || got.Revision != "4" || !got.Complete {
		t.Errorf("the outputs are %+v", got)
	}
	back.ID = t.Name() + " workload.rollback"
	if probed := w.Probe(t.Context(), back, plan.Undo); probed.Applied != plugins.All || probed.Left != out.Left {
		t.Errorf("a lost call: %+v", probed)
	}

	// A named one, and back again.
	_, out = p.run(w, plugins.Call{ID: "named", Action: "workload.rollback", Input: json.RawMessage(`{"revision": "1"}`)})
	p.done(out, plugins.All)
	undo := plugins.Call{ID: "undo", Action: "workload.rollback", Receipt: out.Receipt}
	if _, out = p.run(w, undo); out.Failure != nil {
		t.Fatal(out.Failure)
	}
	p.steady()
	for _, pod := range p.status(w).Replicas {
		if !strings.HasSuffix(pod.Version, ": api:2") {
			t.Errorf("%s is of %s", pod.Name, pod.Version)
		}
	}
}

// With OnDelete a rollback changes what the next restart brings, and says so.
func TestStatefulSetOnDelete(t *testing.T) {
	p := startStateful(t)
	p.deploy(2, "api:1", map[string]any{"spec": map[string]any{"updateStrategy": map[string]any{"type": "OnDelete"}}})
	p.steady()
	p.image("api:2")
	w := p.workload("")
	p.eventually("its revision", func() bool { return p.status(w).Rollout.Revision == "2" })
	plan, out := p.run(w, plugins.Call{Action: "workload.rollback", Input: json.RawMessage(`{"ready_within": "1h"}`)})
	p.done(out, plugins.All)
	if !strings.Contains(plan.Detail, "only once workload.restart") {
		t.Errorf("the plan shows\n%s", plan.Detail)
	}
	p.image("api:2")
	p.eventually("its revision", func() bool { return p.status(w).Rollout.Revision == "4" })
	_, out = p.run(w, restartCall("", `{}`))
	p.done(out, plugins.All)
	for _, pod := range p.status(w).Replicas {
		if !strings.HasSuffix(pod.Version, ": api:2") {
			t.Errorf("%s is of %s", pod.Name, pod.Version)
		}
	}
}

// A partition keeps its pods where they are, and the rollout is complete
// without them.
func TestStatefulSetPartition(t *testing.T) {
	p := startStateful(t)
	p.deploy(3, "api:1", map[string]any{"spec": map[string]any{"updateStrategy": map[string]any{"rollingUpdate": map[string]any{"partition": 2}}}})
	p.steady()
	p.image("api:missing")
	w := p.workload("")
	p.eventually("a rollout that is stuck", func() bool { return p.status(w).Rollout.Stuck != "" })
	plan, out := p.run(w, plugins.Call{Action: "workload.rollback", Input: json.RawMessage(`{}`)})
	p.done(out, plugins.All)
	if !strings.Contains(plan.Detail, "leaves the first 2 pods") || !output[capability.RevertOutput](t, out.Outputs).Complete {
		t.Errorf("outputs %s, the plan shows\n%s", out.Outputs, plan.Detail)
	}
	p.image("api:2")
	p.eventually("a rollout that is complete", func() bool { return p.status(w).Rollout.Complete })
	if got := p.status(w).Replicas; !strings.HasSuffix(got[0].Version, "api:1") || !strings.HasSuffix(got[2].Version, "api:2") {
		t.Errorf("its pods are %+v", got)
	}
}

// Nothing but an event says that a StatefulSet may make no pod.
func TestStatefulSetQuota(t *testing.T) {
	p := startStateful(t)
	p.quota("0")
	p.deploy(1, "api:1", nil)
	w := p.workload("")
	var r capability.RolloutState
	p.eventually("a rollout that is stuck", func() bool {
		r = p.status(w).Rollout
		return r.Stuck != ""
	})
	if r.Stuck != capability.StuckQuota || !strings.Contains(r.Reason, "exceeded quota") {
		t.Errorf("the rollout is %+v", r)
	}
}

// Settings that a StatefulSet runs are live once its pods have started with
// them; where each change is a ConfigMap of its own, it rolls them out.
func TestSettingsOfAStatefulSet(t *testing.T) {
	p := startStateful(t)
	p.configMap("api-settings-1", map[string]string{"db.pool.max": "50"}, map[string]any{"immutable": true})
	p.configMap("api-settings-2", map[string]string{"db.pool.max": "20"}, map[string]any{"immutable": true})
	p.deploy(2, "api:1", withSettings("api-settings-1"))
	p.steady()
	p.change(`{"spec": {"template": {"spec": {"volumes": [{"name": "settings", "configMap": {"name": "api-settings-2"}}]}}}}`)
	p.steady()
	s := p.settings(map[string]any{"statefulset": "api"})
	found := p.changes(s, `{}`)
	if len(found) != 1 || found[0].Before.String() != "50" || found[0].After.String() != "20" || found[0].Title != "Revision 2 of StatefulSet api" {
		t.Fatalf("changes are %+v", found)
	}
	_, out := p.run(s, plugins.Call{ID: "i1", Action: "settings.rollback", Input: json.RawMessage(`{"live_within": "1m", "change": ` + encode(t, found[0]) + `}`)})
	p.done(out, plugins.All)
	if got := output[capability.ApplyOutput](t, out.Outputs); !got.Live || p.now(s).Data["db.pool.max"] != "50" {
		t.Errorf("the outputs are %+v, and it runs with %v", got, p.now(s).Data)
	}
}
