package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// restartedNote is the annotation of the template by which kubectl restarts:
// it makes a version of it that has nothing else new.
const restartedNote = "kubectl.kubernetes.io/restartedAt"

// rolloutBinding is what a plan of workload.restart as a rollout binds.
type rolloutBinding struct {
	Resource    string              `json:"resource"`
	Strategy    capability.Strategy `json:"strategy"`
	Pods        []string            `json:"pods"`
	ReadyWithin capability.Duration `json:"ready_within"`
}

// rollable refuses a rollout that would replace no pod, or all at once.
func (f *fleet) rollable(call plugins.Call, in capability.RestartInput) error {
	switch {
	case f.set.onDelete:
		return plugins.Fail(plugins.Invalid, "the strategy of %s is OnDelete, so that a rollout replaces no pod: leave strategy out, and they are restarted in waves", f.set.ref)
	case f.set.paused:
		return plugins.Fail(plugins.Invalid, "%s is paused, so that a rollout replaces no pod: resume it, or leave strategy out", f.set.ref)
	case len(f.pods) == 0:
		return plugins.Fail(plugins.NotFound, "%s has no pods to restart", f.set.ref)
	}
	if err := f.set.rollsAllAtOnce(in.AllAtOnce); err != nil {
		return err
	}
	return f.expect(call)
}

// going are the pods that a rollout replaces.
func (f *fleet) going() (out []plannedPod) {
	for i := range f.pods {
		if f.set.kept == 0 || ordinal(&f.pods[i]) >= f.set.kept {
			out = append(out, planned(&f.pods[i]))
		}
	}
	return out
}

func (w *workload) planRollout(ctx context.Context, call plugins.Call, in capability.RestartInput, f *fleet) (plugins.Plan, error) {
	if err := f.rollable(call, in); err != nil {
		return plugins.Plan{}, err
	}
	budgets, err := w.budgets(ctx, f)
	if err != nil {
		return plugins.Plan{}, err
	}
	bind := rolloutBinding{Resource: w.Resource(), Strategy: in.Strategy, ReadyWithin: in.ReadyWithin}
	for _, pod := range f.going() {
		bind.Pods = append(bind.Pods, pod.Name)
	}
	detail := fmt.Sprintf("%s replaces its pods by its own strategy, at most %d missing at a time; it makes a new revision that differs in nothing but %s:\n  %s\n%s",
		w.ref, f.set.atOnce, restartedNote, strings.Join(bind.Pods, ", "), f.set.reach())
	if budgets != "" {
		detail += budgets + "a rollout does not heed it: waves do\n"
	}
	binding, err := plugins.Canonical(bind)
	if err != nil {
		return plugins.Plan{}, err
	}
	undo, err := json.Marshal(restartPlanned{Pods: f.going()})
	return plugins.Plan{
		Binding: binding, Detail: detail, Fingerprint: f.fingerprint(), Undo: undo, Resource: w.Resource(),
		BlastRadius: plugins.BlastRadius{Unit: "replicas", Affected: len(bind.Pods), Total: len(f.pods)},
	}, err
}

// rollOut has the controller replace all pods, and waits as long as it comes
// on. Once begun it goes on by itself, whoever waits.
func (w *workload) rollOut(ctx context.Context, call plugins.Call, in capability.RestartInput, f *fleet, to plugins.Stream) plugins.Outcome {
	from := time.Now().UTC()
	f, err := w.landRollout(ctx, call, in, f, from)
	switch {
	case err != nil && lost(err):
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.Unknown}
	case err != nil:
		return failed(err)
	}
	going := f.going()
	came, err := w.follow(ctx, call.Stop, in.ReadyWithin.Std(), f, to)
	out := plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.Partial}
	if err == nil {
		out.Applied = plugins.All
	}
	wave := capability.RestartedWave{Replicas: names(came), From: from, To: time.Now().UTC()}
	var merr error
	if out.Receipt, merr = json.Marshal(w.replaced(going, came)); merr == nil {
		out.Outputs, merr = json.Marshal(capability.RestartOutput{Observed: observed(w.Resource()), Waves: []capability.RestartedWave{wave}})
	}
	if merr != nil {
		out.Failure = plugins.AsFailure(merr)
	}
	if now, err := w.fleet(ctx); err == nil {
		out.Left = now.fingerprint()
	}
	return out
}

// landRollout has the template be another one, unless the pods are others than
// were planned for. What else is written meanwhile, as by its controller, does
// no harm: it is looked at again. It returns the fleet as it was.
func (w *workload) landRollout(ctx context.Context, call plugins.Call, in capability.RestartInput, f *fleet, at time.Time) (*fleet, error) {
	for n := 1; ; n++ {
		if err := f.rollable(call, in); err != nil {
			return f, err
		}
		err := w.patch(ctx, types.MergePatchType, w.ref.resource, w.ref.name, "", map[string]any{
			"metadata": map[string]any{"resourceVersion": f.set.meta.ResourceVersion, "annotations": map[string]string{
				callNote: call.ID, approvedNote: strings.Join(call.Origin.ApprovedBy, ", "),
			}},
			"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{"annotations": map[string]string{
				restartedNote: at.Format(time.RFC3339Nano),
			}}}},
		}, nil)
		if !apierrors.IsConflict(err) || n == tries {
			return f, err
		}
		again, err := w.fleet(ctx)
		if err != nil {
			return f, plugins.AsFailure(err) // nothing was written: not lost
		}
		f = again
	}
}

// follow waits until every pod that was to go is gone and others are ready in
// their places, and returns those. It gives up when it has not come on for d.
func (w *workload) follow(ctx context.Context, stop <-chan struct{}, d time.Duration, was *fleet, to plugins.Stream) (came []corev1.Pod, err error) {
	going := was.going()
	const goesOn = "; the rollout goes on by itself: workload.status says how, workload.rollback takes it back"
	said := -1
	for deadline := time.Now().Add(d); ; {
		if f, err := w.fleet(ctx); err == nil {
			came = slices.DeleteFunc(slices.Clone(f.pods), func(pod corev1.Pod) bool {
				return !ready(&pod) || slices.ContainsFunc(was.pods, func(p corev1.Pod) bool { return p.UID == pod.UID })
			})
			if f.set.complete && len(came) >= len(going) && len(f.leaving) == 0 {
				return came, nil
			}
			if len(came) > said {
				said, deadline = len(came), time.Now().Add(d)
				to.Progress(min(said, len(going)), len(going), fmt.Sprintf("%d of %d pods are replaced and ready", said, len(going)))
			}
		}
		switch {
		case stopped(stop):
			return came, plugins.Fail(plugins.Cancelled, "%d of %d pods are replaced and ready%s", len(came), len(going), goesOn)
		case time.Now().After(deadline), !pause(ctx, poll):
			return came, plugins.Fail(plugins.Timeout, "no progress within %s: %d of %d pods are replaced and ready%s", d, len(came), len(going), goesOn)
		}
	}
}
