package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// scaling is a change of the number of replicas, worked out against the
// Deployment or StatefulSet as it is.
type scaling struct {
	from, to int
	within   time.Duration
}

func scaleFingerprint(replicas int) string {
	return plugins.Fingerprint(map[string]any{"replicas": replicas})
}

func (w *workload) workOutScale(call plugins.Call, now *set) (s scaling, err error) {
	if call.Expect != "" && call.Expect != scaleFingerprint(now.replicas) {
		return s, drift("%s is to have %d replicas now, which is not what was seen when this was planned", w.ref, now.replicas)
	}
	s.from = now.replicas
	if len(bytes.TrimSpace(call.Receipt)) > 0 {
		var receipt capability.ScaleReceipt
		if err := json.Unmarshal(call.Receipt, &receipt); err != nil || receipt == (capability.ScaleReceipt{}) {
			return s, plugins.Fail(plugins.Invalid, "this is not a receipt of workload.scale: %s", call.Receipt)
		}
		if receipt.After != s.from {
			return s, drift("%s is to have %d replicas now, not %d: somebody changed it since", w.ref, s.from, receipt.After)
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
		return s, plugins.Fail(plugins.Denied, "%s has no limits to scale within: give its section min_replicas and max_replicas", w.ref)
	case s.to < w.least || s.to > w.most:
		return s, plugins.Fail(plugins.Denied, "%d replicas are not within the limits of %s: min_replicas %d, max_replicas %d", s.to, w.ref, w.least, w.most)
	}
	return s, nil
}

func (w *workload) planScale(ctx context.Context, call plugins.Call) (plugins.Plan, error) {
	now, err := w.set(ctx, w.ref)
	if err != nil {
		return plugins.Plan{}, err
	}
	s, err := w.workOutScale(call, now)
	if err != nil {
		return plugins.Plan{}, err
	}
	detail := fmt.Sprintf("replicas: %d to %d\n", s.from, s.to)
	if s.to < s.from {
		budgets, err := w.budgets(ctx, &fleet{set: now})
		if err != nil {
			return plugins.Plan{}, err
		}
		if budgets != "" {
			detail += budgets + "taking replicas away does not heed it\n"
		}
	}
	binding, err := plugins.Canonical(map[string]any{"resource": w.Resource(), "from": s.from, "to": s.to})
	if err != nil {
		return plugins.Plan{}, err
	}
	undo, err := json.Marshal(capability.ScaleReceipt{Before: s.from, After: s.to})
	return plugins.Plan{
		Binding: binding, Fingerprint: scaleFingerprint(now.replicas), Undo: undo, Resource: w.Resource(),
		Detail:      detail,
		BlastRadius: plugins.BlastRadius{Unit: "replicas", Affected: max(s.from-s.to, s.to-s.from), Total: s.from},
	}, err
}

func (w *workload) scale(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	s, now, err := w.landScale(ctx, call)
	switch {
	case err != nil && lost(err):
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.Unknown}
	case err != nil:
		return failed(err)
	}
	out := plugins.Outcome{Applied: plugins.None, Left: scaleFingerprint(s.to)}
	if s.from != s.to {
		out.Applied = plugins.All
		if out.Receipt, err = json.Marshal(capability.ScaleReceipt{Before: s.from, After: s.to}); err != nil {
			out.Failure = plugins.AsFailure(err)
			return out
		}
	}
	f := w.await(ctx, call.Stop, s.within, &fleet{set: now}, to, func(f *fleet) (int, bool) {
		n := f.countReady()
		return n, n >= s.to && len(f.pods) == s.to
	})
	out.Outputs, err = json.Marshal(capability.ScaleOutput{Observed: observed(w.Resource()), From: s.from, To: s.to, Ready: f.countReady()})
	out.Failure = plugins.AsFailure(err)
	return out
}

func (w *workload) landScale(ctx context.Context, call plugins.Call) (s scaling, now *set, err error) {
	for range tries {
		if stopped(call.Stop) {
			return s, nil, plugins.Fail(plugins.Cancelled, "stopped before anything was changed")
		}
		if now, err = w.set(ctx, w.ref); err != nil {
			return s, nil, plugins.AsFailure(err) // nothing was written: not lost
		}
		if s, err = w.workOutScale(call, now); err != nil || s.from == s.to {
			return s, now, err
		}
		err = w.patch(ctx, types.MergePatchType, w.ref.resource, w.ref.name, "scale", map[string]any{
			"metadata": map[string]any{"resourceVersion": now.meta.ResourceVersion}, "spec": map[string]any{"replicas": s.to},
		}, nil)
		if !apierrors.IsConflict(err) {
			return s, now, err
		}
	}
	return s, now, err
}

func (w *workload) probeScale(ctx context.Context, _ plugins.Call, undo json.RawMessage) (plugins.Probed, error) {
	var planned capability.ScaleReceipt
	if err := json.Unmarshal(undo, &planned); err != nil || planned == (capability.ScaleReceipt{}) {
		return plugins.Probed{}, errors.New("the plan left no receipt to look by")
	}
	f, err := w.fleet(ctx)
	if err != nil {
		return plugins.Probed{}, err
	}
	now := f.set.replicas
	p := plugins.Probed{Applied: plugins.None, Left: scaleFingerprint(now), Reason: fmt.Sprintf("%s is to have %d replicas", w.ref, now)}
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
