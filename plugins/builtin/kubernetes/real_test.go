package kubernetes

import (
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// realPods is an api of pods that a kubelet runs in containers. They take
// their settings when they start, and end where those say mode bad.
func realPods(t *testing.T, replicas int) *plane {
	t.Helper()
	p := startPlane(t)
	node := os.Getenv("FIREBREAK_NODE")
	if node == "" {
		t.Skip("needs a node whose pods are real: make test-kubernetes starts one, or says what this machine lacks for it")
	}
	p.configMap("api-settings", map[string]string{"mode": "good"}, nil)
	p.deploy(replicas, "", map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"nodeSelector": map[string]any{corev1.LabelHostname: node},
		"hostNetwork":  true,
		"volumes":      []any{map[string]any{"name": "settings", "configMap": map[string]any{"name": "api-settings"}}},
		"containers": []any{map[string]any{
			"name": "api", "image": "localhost/replica:1", "imagePullPolicy": "Never", "args": []any{"serve"},
			"volumeMounts":   []any{map[string]any{"name": "settings", "mountPath": "/settings"}},
			"readinessProbe": map[string]any{"exec": map[string]any{"command": []any{"/replica", "ready"}}, "periodSeconds": 1, "timeoutSeconds": 30},
		}},
	}}}})
	p.steady()
	return p
}

// containers are those that are ready, by their ids, with the name of their
// pod.
func (p *plane) containers() map[string]string {
	p.Helper()
	var pods corev1.PodList
	p.ask("GET", p.at("", "pods"), "", &pods)
	found := map[string]string{}
	for _, pod := range pods.Items {
		for _, c := range pod.Status.ContainerStatuses {
			if c.Ready {
				found[c.ContainerID] = pod.Name
			}
		}
	}
	return found
}

// log is what a pod has said, which its kubelet has kept.
func (p *plane) log(pod string) string {
	p.Helper()
	res, err := p.http.Get(p.config.Host + p.at("", "pods/"+pod+"/log"))
	if err != nil {
		p.Fatal(err)
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		p.Fatalf("the log of %s: %s, %v: %s", pod, res.Status, err, said)
	}
	return string(said)
}

// An incident on real pods: what is restarted in waves are other containers
// afterwards; a rollout that takes bad settings is stuck with the last words
// of the container that crashed, while the others serve on; with the settings
// put back, a restart heals it.
func TestRealPods(t *testing.T) {
	p := realPods(t, 3)
	w := p.workload("")
	first := p.containers()
	_, out := p.run(w, restartCall("waves", `{"waves": [1, "100%"], "ready_within": "5m"}`))
	p.done(out, plugins.All)
	if waves := output[capability.RestartOutput](t, out.Outputs).Waves; len(waves) != 2 || len(waves[0].Replicas) != 1 || len(waves[1].Replicas) != 2 {
		t.Errorf("waves are %+v", waves)
	}
	second := p.containers()
	p.replaced(first, second)

	p.set("mode", "bad", "priya")
	p.change(`{"spec": {"template": {"metadata": {"annotations": {"example.com/reason": "new settings"}}}}}`)
	var rollout capability.RolloutState
	p.eventually("a rollout that is stuck", func() bool {
		rollout = p.status(w).Rollout
		return rollout.Stuck != "" && strings.Contains(rollout.Reason, "CrashLoopBackOff")
	})
	if rollout.Stuck != capability.StuckCrashLoop || rollout.Complete {
		t.Errorf("the rollout is %+v; want it stuck by %s", rollout, capability.StuckCrashLoop)
	}
	for _, want := range []string{"exit code 1", "reading settings: mode is bad\nfatal: mode bad is not supported"} {
		if !strings.Contains(rollout.Reason, want) {
			t.Errorf("the reason is %q; it should name %q", rollout.Reason, want)
		}
	}
	if serving := p.containers(); !maps.Equal(serving, second) {
		t.Errorf("%v serve, and before the rollout it was %v", serving, second)
	}

	s := p.settings(nil)
	found := p.changes(s, `{"setting": "mode", "limit": 1}`)
	if len(found) != 1 || found[0].Author != "priya" || found[0].Before.String() != "good" {
		t.Fatalf("changes are %+v", found)
	}
	_, out = p.run(s, plugins.Call{Action: "settings.rollback", Input: []byte(`{"change": ` + encode(t, found[0]) + `}`)})
	p.done(out, plugins.All)
	_, out = p.run(w, restartCall("heals", `{"ready_within": "5m"}`))
	p.done(out, plugins.All)
	p.steady()
	third := p.containers()
	p.replaced(second, third)
	for _, pod := range third {
		if said := p.log(pod); said != "reading settings: mode is good\n" {
			t.Errorf("%s says %q", pod, said)
		}
	}
	if rollout := p.status(w).Rollout; !rollout.Complete || rollout.Stuck != "" {
		t.Errorf("the rollout is %+v; want it complete", rollout)
	}
}

// replaced says whether as many containers serve as before, and none of those.
func (p *plane) replaced(before, after map[string]string) {
	p.Helper()
	kept := slices.DeleteFunc(slices.Collect(maps.Keys(after)), func(id string) bool { return before[id] == "" })
	if len(after) != len(before) || len(kept) > 0 {
		p.Errorf("%v serve, and before it were %v", after, before)
	}
}
