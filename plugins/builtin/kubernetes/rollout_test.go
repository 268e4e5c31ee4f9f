package kubernetes

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// A restart as a rollout is left to what runs the pods, and no pod is missing
// that its strategy does not let be missing.
func TestRestartAsARollout(t *testing.T) {
	for _, runs := range []kind{deployments, statefulSets} {
		t.Run(runs.title, func(t *testing.T) {
			p := startPlane(t)
			p.runs = runs
			p.deploy(3, "api:1", nil)
			p.old()
			w := p.workload("")
			before := p.status(w)
			p.pods.mark()
			call := restartCall("roll", `{"strategy": "rollout"}`)
			plan, out := p.run(w, call)
			p.done(out, plugins.All)
			if plan.BlastRadius.Affected != 3 || !strings.Contains(plan.Detail, "by its own strategy, at most 1 missing at a time") {
				t.Errorf("the plan says %+v\n%s", plan.BlastRadius, plan.Detail)
			}
			if p.pods.fewest < 2 {
				t.Errorf("%d of 3 pods served at once", p.pods.fewest)
			}
			after := p.status(w)
			for _, r := range after.Replicas {
				if slices.ContainsFunc(before.Replicas, func(b capability.Replica) bool { return b.Name == r.Name && !b.StartedAt.Before(r.StartedAt) }) {
					t.Errorf("%s was not restarted", r.Name)
				}
			}
			if got := output[capability.RestartReceipt](t, out.Receipt).Replicas; len(got) != 3 || !got[0].Was.Before(got[0].Is) {
				t.Errorf("the receipt says %+v", got)
			}
			// The call is known again by its note, as is one that has only begun.
			probed := w.Probe(t.Context(), plugins.Call{ID: "roll", Action: "workload.restart", Input: call.Input, Expect: plan.Fingerprint}, plan.Undo)
			if probed.Applied != plugins.All {
				t.Errorf("a lost call: %+v", probed)
			}
			now, err := w.Plan(t.Context(), call)
			if err != nil {
				t.Fatal(err)
			}
			probed = w.Probe(t.Context(), plugins.Call{ID: "roll", Action: "workload.restart", Input: call.Input, Expect: now.Fingerprint}, now.Undo)
			if probed.Applied != plugins.Partial || !strings.Contains(probed.Reason, "goes on by itself") {
				t.Errorf("a call that was lost as soon as it had begun: %+v", probed)
			}
		})
	}
}

// What does not come up is waited for no longer than was said, and the pods
// that serve stay.
func TestRolloutThatDoesNotComeOn(t *testing.T) {
	p := startPlane(t)
	p.configMap("api-settings", map[string]string{"mode": "good"}, nil)
	p.deploy(3, "api:1", withSettings("api-settings"))
	p.steady()
	p.set("mode", "bad", "kubectl")
	w := p.workload("")
	_, out := p.run(w, restartCall("", `{"strategy": "rollout", "ready_within": "2s"}`))
	p.fails(out, plugins.Timeout, plugins.Partial, "0 of 3", "workload.rollback")
	if n := p.status(w).Ready; n != 3 {
		t.Errorf("%d of the 3 pods that serve are left", n)
	}
	stop := make(chan struct{})
	call := restartCall("stopped", `{"strategy": "rollout"}`)
	call.Stop = stop
	end := sync.OnceFunc(func() { close(stop) })
	_, out = p.run2(w, call, &stream{each: func(string) { end() }})
	p.fails(out, plugins.Cancelled, plugins.Partial, "goes on by itself")
}

// A rollout that would replace nothing, or all at once, is not begun.
func TestRolloutIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		runs  kind
		spec  string
		class string
		names string
	}{
		"recreate":  {deployments, `{"strategy": {"type": "Recreate", "rollingUpdate": null}}`, plugins.Denied, "all 2 pods at once"},
		"paused":    {deployments, `{"paused": true}`, plugins.Invalid, "paused"},
		"on delete": {statefulSets, `{"updateStrategy": {"type": "OnDelete", "rollingUpdate": null}}`, plugins.Invalid, "OnDelete"},
		"since":     {deployments, `{}`, plugins.Invalid, "since"},
	} {
		t.Run(name, func(t *testing.T) {
			p := startPlane(t)
			p.runs = c.runs
			p.deploy(2, "api:1", nil)
			p.steady()
			p.change(`{"spec": ` + c.spec + `}`)
			w := p.workload("")
			input := `{"strategy": "rollout"}`
			if name == "since" {
				input = `{"strategy": "rollout", "since": "2024-07-15T10:00:00Z"}`
			}
			if _, err := w.Plan(t.Context(), restartCall("x", input)); err == nil || plugins.AsFailure(err).Class != c.class {
				t.Errorf("planned: %v", err)
			}
			p.fails(w.Run(t.Context(), restartCall("x", input), &stream{}), c.class, plugins.None, c.names)
		})
	}
}
