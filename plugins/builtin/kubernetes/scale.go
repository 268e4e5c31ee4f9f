package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// scaling is a change of the number of replicas, worked out against the
// Deployment as it is.
type scaling struct {
	from, to int
	within   time.Duration
}

func scaleFingerprint(d *appsv1.Deployment) string {
	return plugins.Fingerprint(map[string]any{"replicas": desired(d)})
}

func (w *workload) workOutScale(call plugins.Call, d *appsv1.Deployment) (s scaling, err error) {
	if call.Expect != "" && call.Expect != scaleFingerprint(d) {
		return s, drift("Deployment %s is to have %d replicas now, which is not what was seen when this was planned", d.Name, desired(d))
	}
	s.from = desired(d)
	if len(bytes.TrimSpace(call.Receipt)) > 0 {
		var receipt capability.ScaleReceipt
		if err := json.Unmarshal(call.Receipt, &receipt); err != nil || receipt.Before == 0 {
			return s, plugins.Fail(plugins.Invalid, "this is not a receipt of workload.scale: %s", call.Receipt)
		}
		if receipt.After != s.from {
			return s, drift("Deployment %s is to have %d replicas now, not %d: somebody changed it since", d.Name, s.from, receipt.After)
		}
		s.to = receipt.Before // it was so, whatever the limits say
		return s, nil
	}
	in, err := capability.Input[capability.ScaleInput](call.Action, call.Input)
	if err != nil {
		return s, err
	}
	s.to, s.within = in.Replicas, in.ReadyWithin.Std()
	switch {
	case w.least == 0:
		return s, plugins.Fail(plugins.Denied, "Deployment %s has no limits to scale within: give its section min_replicas and max_replicas", d.Name)
	case s.to < w.least || s.to > w.most:
		return s, plugins.Fail(plugins.Denied, "%d replicas are not within the limits of Deployment %s: min_replicas %d, max_replicas %d", s.to, d.Name, w.least, w.most)
	}
	return s, nil
}

func (w *workload) planScale(ctx context.Context, call plugins.Call) (plugins.Plan, error) {
	d := &appsv1.Deployment{}
	if err := w.get(ctx, "deployments", w.deployment, d); err != nil {
		return plugins.Plan{}, err
	}
	s, err := w.workOutScale(call, d)
	if err != nil {
		return plugins.Plan{}, err
	}
	binding, err := plugins.Canonical(map[string]any{"resource": w.Resource(), "from": s.from, "to": s.to})
	if err != nil {
		return plugins.Plan{}, err
	}
	undo, err := json.Marshal(capability.ScaleReceipt{Before: s.from, After: s.to})
	return plugins.Plan{
		Binding: binding, Fingerprint: scaleFingerprint(d), Undo: undo, Resource: w.Resource(),
		Detail:      fmt.Sprintf("replicas: %d to %d\n", s.from, s.to),
		BlastRadius: plugins.BlastRadius{Unit: "replicas", Affected: max(s.from-s.to, s.to-s.from), Total: s.from},
	}, err
}

func (w *workload) scale(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	s, d, err := w.landScale(ctx, call)
	switch {
	case err != nil && lost(err):
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.Unknown}
	case err != nil:
		return failed(err)
	}
	out := plugins.Outcome{Applied: plugins.None, Left: plugins.Fingerprint(map[string]any{"replicas": s.to})}
	if s.from != s.to {
		out.Applied = plugins.All
		if out.Receipt, err = json.Marshal(capability.ScaleReceipt{Before: s.from, After: s.to}); err != nil {
			out.Failure = plugins.AsFailure(err)
			return out
		}
	}
	f := w.await(ctx, call.Stop, s.within, &fleet{deployment: d}, to, func(f *fleet) (int, bool) {
		n := f.countReady()
		return n, n >= s.to && len(f.pods) == s.to
	})
	out.Outputs, err = json.Marshal(capability.ScaleOutput{Observed: observed(w.Resource()), From: s.from, To: s.to, Ready: f.countReady()})
	out.Failure = plugins.AsFailure(err)
	return out
}

func (w *workload) landScale(ctx context.Context, call plugins.Call) (s scaling, d *appsv1.Deployment, err error) {
	for range tries {
		if stopped(call.Stop) {
			return s, nil, plugins.Fail(plugins.Cancelled, "stopped before anything was changed")
		}
		d = &appsv1.Deployment{}
		if err := w.get(ctx, "deployments", w.deployment, d); err != nil {
			return s, nil, plugins.AsFailure(err) // nothing was written: not lost
		}
		if s, err = w.workOutScale(call, d); err != nil || s.from == s.to {
			return s, d, err
		}
		err = w.patch(ctx, types.MergePatchType, "deployments", w.deployment, "scale", map[string]any{
			"metadata": map[string]any{"resourceVersion": d.ResourceVersion}, "spec": map[string]any{"replicas": s.to},
		}, nil)
		if !apierrors.IsConflict(err) {
			return s, d, err
		}
	}
	return s, d, err
}

func (w *workload) probeScale(ctx context.Context, _ plugins.Call, undo json.RawMessage) (plugins.Probed, error) {
	var planned capability.ScaleReceipt
	if err := json.Unmarshal(undo, &planned); err != nil || planned.Before == 0 {
		return plugins.Probed{}, errors.New("the plan left no receipt to look by")
	}
	f, err := w.fleet(ctx)
	if err != nil {
		return plugins.Probed{}, err
	}
	now := desired(f.deployment)
	p := plugins.Probed{Applied: plugins.None, Left: scaleFingerprint(f.deployment), Reason: fmt.Sprintf("Deployment %s is to have %d replicas", w.deployment, now)}
	switch now {
	case planned.Before:
	case planned.After:
		p.Applied = plugins.All
		if p.Receipt, err = json.Marshal(planned); err != nil {
			return p, err
		}
		p.Outputs, err = json.Marshal(capability.ScaleOutput{Observed: observed(w.Resource()), From: planned.Before, To: now, Ready: f.countReady()})
	default:
		p = plugins.Probed{Applied: plugins.Unknown, Reason: p.Reason + fmt.Sprintf(": neither %d, as it was, nor %d, as was asked for", planned.Before, planned.After)}
	}
	return p, err
}
