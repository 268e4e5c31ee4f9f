package kubernetes

import (
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// TestStuck rolls out what cannot become ready, in each way in which that
// happens, and asks why.
func TestStuck(t *testing.T) {
	spec := func(spec map[string]any) map[string]any {
		return map[string]any{"spec": map[string]any{"template": map[string]any{"spec": spec}}}
	}
	for name, c := range map[string]struct {
		image string
		extra map[string]any
		quota bool
		stuck capability.Stuck
		names []string
	}{
		"image":         {image: "api:missing", stuck: capability.StuckImagePull, names: []string{"ImagePullBackOff", "api:missing", "no such manifest"}},
		"probe":         {image: "api:deaf", stuck: capability.StuckProbe, names: []string{"Readiness probe failed", "503"}},
		"config":        {image: "api:unconfigured", stuck: capability.StuckConfig, names: []string{`secret "api" not found`}},
		"no configmap":  {image: "api:1", extra: withSettings("nowhere"), stuck: capability.StuckConfig, names: []string{`"nowhere" not found`}},
		"crash":         {image: "api:1", extra: withSettings("bad"), stuck: capability.StuckCrashLoop, names: []string{"exit code 1", "mode bad is not supported"}},
		"unschedulable": {image: "api:1", extra: spec(map[string]any{"nodeSelector": map[string]any{"disk": "none"}}), stuck: capability.StuckUnschedulable, names: []string{"node"}},
		"quota":         {image: "api:1", quota: true, stuck: capability.StuckQuota, names: []string{"exceeded quota"}},
		"deadline":      {image: "api:held", extra: map[string]any{"spec": map[string]any{"progressDeadlineSeconds": 1}}, stuck: capability.StuckDeadline, names: []string{"has timed out"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := startPlane(t)
			p.configMap("bad", map[string]string{"mode": "bad"}, nil)
			if c.quota {
				p.quota("0")
			}
			if c.stuck == capability.StuckDeadline {
				// A pod that no node has taken yet, and that nobody calls unschedulable.
				c.extra["spec"].(map[string]any)["template"] = map[string]any{"spec": map[string]any{"schedulerName": "on-holiday"}}
			}
			p.deploy(1, c.image, c.extra)
			w := p.workload("")
			var status *capability.StatusOutput
			p.eventually("a rollout that is stuck", func() bool {
				status = p.status(w)
				return status.Rollout.Stuck != ""
			})
			if status.Rollout.Stuck != c.stuck || status.Rollout.Complete {
				t.Errorf("the rollout is %+v; want it stuck by %s", status.Rollout, c.stuck)
			}
			for _, want := range c.names {
				if !strings.Contains(status.Rollout.Reason, want) {
					t.Errorf("the reason is %q; it should name %q", status.Rollout.Reason, want)
				}
			}
			for _, r := range status.Replicas {
				if r.Ready || r.Reason == nil {
					t.Errorf("replica %+v is not ready for a reason", r)
				}
			}
		})
	}
}
