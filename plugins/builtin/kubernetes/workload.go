package kubernetes

import (
	"context"
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/firebreak-ops/firebreak/plugins"
)

// workload is one Deployment or StatefulSet. Its fields do not change.
type workload struct {
	*cluster

	ref    ref
	access plugins.Effect
	least  int // of replicas, for workload.scale; 0: it is refused
	most   int
}

func bindWorkload(b plugins.Binding, account string) (plugins.Bound, error) {
	cfg, err := decode[workloadConfig](b)
	if err != nil {
		return nil, err
	}
	of, err := cfg.check()
	if err != nil {
		return nil, plugins.Fail(plugins.Invalid, "%v", err)
	}
	c, err := connect(cfg.access, b.Access, account)
	if err != nil {
		return nil, err
	}
	return &workload{cluster: c, ref: of, access: b.Access, least: cfg.MinReplicas, most: cfg.MaxReplicas}, nil
}

func (w *workload) Resource() string { return w.resource(strings.ToLower(w.ref.title), w.ref.name) }

func (w *workload) fleet(ctx context.Context) (*fleet, error) { return w.cluster.fleet(ctx, w.ref) }

func (w *workload) Health(ctx context.Context) error {
	_, err := w.fleet(ctx)
	return err
}

func (w *workload) Close() error { return nil }

func (w *workload) Plan(ctx context.Context, call plugins.Call) (plugins.Plan, error) {
	switch call.Action {
	case "workload.restart":
		return w.planRestart(ctx, call)
	case "workload.rollback":
		return w.planRevert(ctx, call)
	case "workload.scale":
		return w.planScale(ctx, call)
	}
	return plugins.Plan{}, plugins.Fail(plugins.Invalid, "plugin kubernetes has no mutating action %q", call.Action)
}

func (w *workload) Run(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	ctx, cancel := within(ctx, call)
	defer cancel()
	if call.Action == "workload.status" {
		return read(w.status(ctx))
	}
	if w.access == plugins.Read {
		return failed(plugins.Fail(plugins.Denied, "%s changes the workload, and this binding may only read", call.Action))
	}
	switch call.Action {
	case "workload.restart":
		return w.restart(ctx, call, to)
	case "workload.rollback":
		return w.revert(ctx, call, to)
	case "workload.scale":
		return w.scale(ctx, call, to)
	}
	return failed(plugins.Fail(plugins.Invalid, "plugin kubernetes has no action %q", call.Action))
}

func (w *workload) Probe(ctx context.Context, call plugins.Call, undo json.RawMessage) plugins.Probed {
	var probed plugins.Probed
	var err error
	switch call.Action {
	case "workload.restart":
		probed, err = w.probeRestart(ctx, call, undo)
	case "workload.rollback":
		probed, err = w.probeRevert(ctx, call, undo)
	case "workload.scale":
		probed, err = w.probeScale(ctx, call, undo)
	default:
		err = plugins.Fail(plugins.Invalid, "plugin kubernetes has no mutating action %q", call.Action)
	}
	if err != nil {
		return plugins.Probed{Applied: plugins.Unknown, Reason: err.Error()}
	}
	return probed
}

// ready says whether a pod serves.
func ready(pod *corev1.Pod) bool {
	c := podCondition(pod, corev1.PodReady)
	return pod.DeletionTimestamp == nil && c != nil && c.Status == corev1.ConditionTrue
}

func podCondition(pod *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == kind {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}
