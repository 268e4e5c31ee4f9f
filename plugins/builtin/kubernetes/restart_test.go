package kubernetes

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
)

func restartCall(id, input string) plugins.Call {
	return plugins.Call{ID: id, Action: "workload.restart", Input: json.RawMessage(input)}
}

// The last wave takes all that are left, and yet no more are missing at a time
// than the Deployment allows.
func TestRestartIsNeverAHerd(t *testing.T) {
	p := startPlane(t)
	p.deploy(5, "api:1", map[string]any{"spec": map[string]any{"strategy": map[string]any{"rollingUpdate": map[string]any{"maxUnavailable": "40%"}}}})
	p.steady()
	before := p.pods.pods()
	p.pods.mark()
	plan, out := p.run(p.workload(""), restartCall("", `{}`))
	p.done(out, plugins.All)
	if got := output[capability.RestartOutput](t, out.Outputs).Waves; len(got) != 3 || len(got[0].Replicas) != 1 || len(got[2].Replicas) != 3 {
		t.Errorf("waves are %+v", got)
	}
	if plan.BlastRadius.Affected != 5 || strings.Count(plan.Detail, "evict api-") != 5 || !strings.Contains(plan.Detail, "at most 2 missing at a time") {
		t.Errorf("the plan says %+v\n%s", plan.BlastRadius, plan.Detail)
	}
	if p.pods.fewest < 3 {
		t.Errorf("%d of 5 pods served at once, and no more than 2 may be missing", p.pods.fewest)
	}
	receipt := output[capability.RestartReceipt](t, out.Receipt)
	for _, r := range receipt.Replicas {
		if before[r.Replaced] == 0 || before[r.Name] != 0 {
			t.Errorf("the receipt says that %s took the place of %s; before, there were %v", r.Name, r.Replaced, before)
		}
	}
	if n := len(p.pods.pods()); len(receipt.Replicas) != 5 || n != 10 {
		t.Errorf("%d replicas in the receipt, and %d pods were started in all; want 5, 10", len(receipt.Replicas), n)
	}
	var d struct {
		Metadata struct{ Annotations map[string]string }
	}
	p.ask("GET", p.at("apps/v1", "deployments/api"), "", &d)
	if note, ok := d.Metadata.Annotations[restartNote]; ok {
		t.Errorf("a restart that is over is still noted: %s", note)
	}
}

// What a budget refuses waits, and the refusal is told. Once it allows it, the
// restart goes through.
func TestRestartKeepsTheBudget(t *testing.T) {
	p := startPlane(t)
	p.deploy(2, "api:1", nil)
	p.ask("POST", p.at("policy/v1", "poddisruptionbudgets"), `{"metadata": {"name": "keep"}, "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "api"}}}}`, nil)
	p.steady()
	allowed := func(n int) func() bool {
		return func() bool {
			var b struct {
				Metadata struct{ Generation int }
				Status   struct{ ObservedGeneration, DisruptionsAllowed, CurrentHealthy int }
			}
			p.ask("GET", p.at("policy/v1", "poddisruptionbudgets/keep"), "", &b)
			return b.Status.ObservedGeneration == b.Metadata.Generation && b.Status.CurrentHealthy == 2 && b.Status.DisruptionsAllowed == n
		}
	}
	p.eventually("a budget that allows nothing", allowed(0))
	w := p.workload("")
	plan, out := p.run(w, restartCall("", `{"ready_within": "1s"}`))
	if !strings.Contains(plan.Detail, "budget keep allows 0") {
		t.Errorf("the plan does not tell of the budget:\n%s", plan.Detail)
	}
	p.fails(out, plugins.Timeout, plugins.None, "disruption budget")
	if n := len(p.pods.pods()); n != 2 {
		t.Fatalf("%d pods were started; nothing was to be evicted", n)
	}

	// It waits as long as it must.
	var waits sync.Once
	call := restartCall("later", `{}`)
	out = w.Run(t.Context(), call, &stream{each: func(text string) {
		if strings.Contains(text, " waits: ") {
			waits.Do(func() {
				p.ask("PATCH", p.at("policy/v1", "poddisruptionbudgets/keep"), `{"spec": {"minAvailable": 1}}`, nil)
			})
		}
	}})
	p.done(out, plugins.All)
	if n := len(p.pods.pods()); n != 4 {
		t.Errorf("%d pods were started in all, not 4", n)
	}
}

// What comes back unready stops the restart after its first pod.
func TestRestartStopsWhereItDoesNotHeal(t *testing.T) {
	p := startPlane(t)
	p.configMap("api-settings", map[string]string{"mode": "good"}, nil)
	p.deploy(3, "api:1", withSettings("api-settings"))
	p.steady()
	p.set("mode", "bad", "kubectl")
	w := p.workload("")
	_, out := p.run(w, restartCall("", `{"ready_within": "2s"}`))
	p.fails(out, plugins.Timeout, plugins.Partial, "did not become ready", "0 of 3")
	receipt := output[capability.RestartReceipt](t, out.Receipt)
	if len(receipt.Replicas) != 1 || !receipt.Replicas[0].Is.IsZero() {
		t.Errorf("the receipt is %+v; one pod was evicted, and is not back", receipt)
	}
	status := p.status(w)
	if status.Ready != 2 {
		t.Errorf("%d pods are ready, and only one was to be evicted", status.Ready)
	}
	if status.Rollout.Stuck != capability.StuckCrashLoop || !strings.Contains(status.Rollout.Reason, "mode bad is not supported") {
		t.Errorf("the rollout is %+v; its reason should hold the container's last words", status.Rollout)
	}
}

// A rollout that is stuck has more pods than there are to be. Once what it was
// stuck by is put back, a restart brings it to its end, and is over with it.
func TestRestartEndsARollout(t *testing.T) {
	p := startPlane(t)
	p.configMap("api-settings", map[string]string{"mode": "good"}, nil)
	p.deploy(3, "api:1", withSettings("api-settings"))
	p.steady()
	p.set("mode", "bad", "kubectl")
	p.image("api:2")
	w := p.workload("")
	p.eventually("a rollout that is stuck", func() bool {
		status := p.status(w)
		return status.Rollout.Stuck == capability.StuckCrashLoop && len(status.Replicas) == 4
	})
	p.set("mode", "good", "kubectl")
	_, out := p.run(w, restartCall("", `{}`))
	p.done(out, plugins.All)
	if status := p.status(w); !status.Rollout.Complete || status.Ready != 3 {
		t.Errorf("status is %+v", status)
	}
}

func withSettings(name string) map[string]any {
	return map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"volumes": []any{map[string]any{"name": "settings", "configMap": map[string]any{"name": name}}},
	}}}}
}

// A server that is gone in the middle of a wave is waited for, and nothing is
// evicted twice.
func TestRestartOutlivesTheServer(t *testing.T) {
	p := startPlane(t)
	p.deploy(3, "api:1", nil)
	p.steady()
	way := p.startWay()
	w := p.workload(way.kubeconfig)
	cut := sync.OnceFunc(way.cut)
	_, out := p.run2(w, restartCall("", `{}`), &stream{each: func(text string) {
		switch {
		case strings.Contains(text, "wave 2 of 2: restarting"):
			cut()
		case strings.Contains(text, "trying on"):
			way.mend()
		}
	}})
	p.done(out, plugins.All)
	if n := len(p.pods.pods()); n != 6 {
		t.Errorf("%d pods were started in all, not 6", n)
	}
}

// A server that stays away is an outcome that says how far it came.
func TestRestartGivesUpOnTheServer(t *testing.T) {
	p := startPlane(t)
	p.deploy(3, "api:1", nil)
	p.steady()
	way := p.startWay()
	w := p.workload(way.kubeconfig)
	cut := sync.OnceFunc(way.cut)
	plan, out := p.run2(w, restartCall("gives up", `{"ready_within": "20s"}`), &stream{each: func(text string) {
		if strings.Contains(text, "wave 2 of 2: restarting") {
			cut()
		}
	}})
	p.fails(out, plugins.Unavailable, plugins.Partial, "1 of 3 pods")
	way.mend()
	probed := w.Probe(t.Context(), plugins.Call{ID: "gives up", Action: "workload.restart", Input: json.RawMessage(`{}`), Expect: plan.Fingerprint}, plan.Undo)
	if probed.Applied != plugins.Partial || len(output[capability.RestartReceipt](t, probed.Receipt).Replicas) != 1 {
		t.Errorf("probed: %s, %s, receipt %s", probed.Applied, probed.Reason, probed.Receipt)
	}
}

// The plugin is killed in the middle; what is probed says so, and the next
// restart goes on with those that are left. No pod is restarted twice.
func TestRestartIsResumedAfterAKill(t *testing.T) {
	p := startPlane(t)
	p.deploy(4, "api:1", nil)
	p.old()
	before := p.pods.pods()
	h, err := host.New(host.Config{
		Contracts: capability.All(), Specs: []host.Spec{plugintest.Self("kubernetes")},
		Sections: []host.Section{{Service: "api", Capability: "workload", Plugin: "kubernetes", Config: p.section(map[string]any{"deployment": "api"})}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Stop(t.Context()) })
	call := host.Call{ID: "run-1/restart#1/act.1", Service: "api", Action: "workload.restart", Input: json.RawMessage(`{}`)}
	plan, err := h.Plan(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	call.Expect = plan.Fingerprint
	kill := sync.OnceFunc(func() {
		pid, err := strconv.Atoi(h.Status()[0].PID)
		if err == nil {
			err = syscall.Kill(pid, syscall.SIGKILL)
		}
		if err != nil {
			t.Error(err)
		}
	})
	lost := h.Run(t.Context(), call, &stream{each: func(text string) {
		if strings.Contains(text, "wave 2 of 2") || strings.Contains(text, "wave 2 of 3") {
			kill()
		}
	}})
	if lost.Failure == nil || lost.Applied != plugins.Unknown {
		t.Fatalf("applied %s, failure %v; its plugin was killed", lost.Applied, lost.Failure)
	}
	probed := h.Probe(t.Context(), call, plan.Undo)
	done := len(output[capability.RestartReceipt](t, probed.Receipt).Replicas)
	if probed.Applied != plugins.Partial || done < 1 || done > 2 {
		t.Fatalf("probed: %s, %s, receipt %s", probed.Applied, probed.Reason, probed.Receipt)
	}

	next := host.Call{ID: "run-2/restart#1/act.1", Service: "api", Action: "workload.restart", Input: json.RawMessage(`{}`)}
	if plan, err = h.Plan(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if plan.BlastRadius.Affected != 4-done || !strings.Contains(plan.Detail, "goes on with a restart that broke off") {
		t.Errorf("%d pods were restarted, and the plan is %+v\n%s", done, plan.BlastRadius, plan.Detail)
	}
	next.Expect = plan.Fingerprint
	out := h.Run(t.Context(), next, &stream{})
	p.done(out, plugins.All)
	after := p.pods.pods()
	if len(after) != 8 {
		t.Errorf("%d pods were started in all, not 8: some twice", len(after))
	}
	for _, pod := range p.status(p.workload("")).Replicas {
		if before[pod.Name] != 0 {
			t.Errorf("%s was not restarted", pod.Name)
		}
	}
	// A restart that is over is not gone on with.
	if plan, err = h.Plan(t.Context(), next); err == nil && plan.BlastRadius.Affected != 4 {
		t.Errorf("the next restart is of %d pods, not of all 4", plan.BlastRadius.Affected)
	}
}

// A caller that wants no more gets what was done until then.
func TestRestartStopsSoftly(t *testing.T) {
	p := startPlane(t)
	p.deploy(3, "api:1", nil)
	p.steady()
	stop := make(chan struct{})
	end := sync.OnceFunc(func() { close(stop) })
	call := restartCall("", `{}`)
	call.Stop = stop
	_, out := p.run2(p.workload(""), call, &stream{each: func(text string) {
		if strings.Contains(text, "wave 1 of 2: all ready") {
			end()
		}
	}})
	p.fails(out, plugins.Cancelled, plugins.Partial, "1 of 3")
	if n := len(p.pods.pods()); n != 4 {
		t.Errorf("%d pods were started in all, not 4", n)
	}
}

// Waves are shares of all, though some of them are done.
func TestWavesOfWhatIsLeft(t *testing.T) {
	p := startPlane(t)
	p.deploy(4, "api:1", nil)
	p.steady()
	w := p.workload("")
	f, err := w.fleet(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := restartNoted{Call: "x", Began: f.set.meta.CreationTimestamp.UTC()}
	for _, pod := range f.pods[1:] {
		n.Pods = append(n.Pods, pod.UID)
	}
	n.Pods = append(n.Pods, "gone")
	if err := w.note(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	plan, err := w.Plan(t.Context(), restartCall("y", `{"waves": ["50%", "100%"]}`))
	if err != nil {
		t.Fatal(err)
	}
	bind := output[restartBinding](t, plan.Binding)
	if len(bind.Waves) != 2 || len(bind.Waves[0]) != 1 || len(bind.Waves[1]) != 2 || slices.Contains(slices.Concat(bind.Waves...), f.pods[0].Name) {
		t.Errorf("waves are %v; %s was made after the restart began", bind.Waves, f.pods[0].Name)
	}
}

// The first pods in one call, the rest in another, as two steps with a look
// between them restart them: those that have started since are left alone.
func TestRestartInSteps(t *testing.T) {
	p := startPlane(t)
	p.deploy(4, "api:1", nil)
	p.old()
	w := p.workload("")
	f, err := w.fleet(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	since := time.Now().UTC().Truncate(time.Second).Add(-time.Millisecond)
	step := func(waves string) plugins.Call {
		return restartCall("", fmt.Sprintf(`{"since": %q, "waves": [%s]}`, since.Format(time.RFC3339Nano), waves))
	}
	then, err := w.Plan(t.Context(), step(`"100%"`))
	if err != nil { // of four no more than one is missing at a time
		t.Fatal(err)
	}
	left := f.fingerprint()
	for i, waves := range []string{`"50%"`, `"50%"`, `"100%"`} {
		plan, out := p.run(w, step(waves))
		p.done(out, []plugins.Applied{plugins.All, plugins.None, plugins.All}[i])
		if plan.Fingerprint != left || plan.BlastRadius.Affected != []int{2, 0, 2}[i] {
			t.Errorf("step %d: %+v; the one before left %s", i, plan, left)
		}
		left = out.Left
		if n := len(p.pods.pods()); n != []int{6, 6, 8}[i] {
			t.Errorf("after step %d %d pods were started in all", i, n)
		}
		if now, err := w.Plan(t.Context(), step(`"100%"`)); err != nil || string(now.Binding) != string(then.Binding) {
			t.Errorf("planned after step %d: %s, %v; it was bound to %s", i, now.Binding, err, then.Binding)
		}
		if p := w.Probe(t.Context(), plugins.Call{Action: "workload.restart", Expect: plan.Fingerprint}, plan.Undo); p.Applied != out.Applied {
			t.Errorf("step %d was lost: %+v", i, p)
		}
	}
}

// A strategy that lets all pods be missing at once is used as such only where
// somebody has said why.
func TestAllAtOnceNeedsAReason(t *testing.T) {
	p := startPlane(t)
	p.configMap("api-settings-1", map[string]string{"db.pool.max": "20"}, map[string]any{"immutable": true})
	extra := withSettings("api-settings-1")
	merge(extra, map[string]any{"spec": map[string]any{"strategy": map[string]any{"type": "Recreate"}}})
	p.deploy(3, "api:1", extra)
	p.steady()
	p.image("api:2")
	w, s := p.workload(""), p.settings(map[string]any{"deployment": "api"})
	p.eventually("its revision", func() bool {
		f, err := w.fleet(t.Context())
		return err == nil && f.newest() != nil
	})
	p.steady()
	for _, c := range []struct {
		on    plugins.Bound
		call  plugins.Call
		input string
	}{
		{w, restartCall("", ""), `"waves": ["100%"]`},
		{w, revertCall(""), `"ready_within": "1m"`},
		{s, plugins.Call{Action: "settings.apply"}, `"setting": "db.pool.max", "value": 50`},
	} {
		c.call.Input = json.RawMessage("{" + c.input + "}")
		if _, err := c.on.Plan(t.Context(), c.call); err == nil || plugins.AsFailure(err).Class != plugins.Denied {
			t.Errorf("%s %s: %v", c.call.Action, c.call.Input, err)
		}
		if out := c.on.Run(t.Context(), c.call, &stream{}); out.Failure == nil || out.Failure.Class != plugins.Denied || out.Applied != plugins.None {
			t.Errorf("%s %s: %+v", c.call.Action, c.call.Input, out)
		}
		c.call.Input = json.RawMessage("{" + c.input + `, "all_at_once": "nobody is served anyway"}`)
		if _, err := c.on.Plan(t.Context(), c.call); err != nil {
			t.Errorf("%s %s: %v", c.call.Action, c.call.Input, err)
		}
	}
	if _, err := w.Plan(t.Context(), restartCall("", `{}`)); err != nil { // one by one
		t.Error(err)
	}
}

// Those that have started since are restarted once more, as after a setting
// that they took is put back, and no other pod is; also those that never came
// up, and whatever an earlier restart that broke off has noted.
func TestRestartOfThoseThatStartedSince(t *testing.T) {
	p := startPlane(t)
	p.configMap("api-settings", map[string]string{"mode": "good"}, nil)
	p.deploy(4, "api:1", withSettings("api-settings"))
	p.old()
	w := p.workload("")
	began := time.Now().UTC().Truncate(time.Second)
	since := began.Add(-time.Millisecond).Format(time.RFC3339Nano)
	_, out := p.run(w, restartCall("first", fmt.Sprintf(`{"since": %q, "waves": [1]}`, since)))
	p.done(out, plugins.All)
	p.set("mode", "bad", "kubectl")
	_, out = p.run(w, restartCall("second", fmt.Sprintf(`{"since": %q, "waves": [2], "ready_within": "2s"}`, since)))
	p.fails(out, plugins.Timeout, plugins.Partial, "did not become ready")
	p.set("mode", "good", "kubectl")
	before := p.pods.pods()
	plan, out := p.run(w, restartCall("back", fmt.Sprintf(`{"started_since": %q}`, began.Format(time.RFC3339Nano))))
	p.done(out, plugins.All)
	if plan.BlastRadius.Affected != 2 || plan.BlastRadius.Total != 4 {
		t.Errorf("the plan says %+v\n%s", plan.BlastRadius, plan.Detail)
	}
	if n := len(p.pods.pods()) - len(before); n != 2 {
		t.Errorf("%d pods were started, not 2", n)
	}
}
