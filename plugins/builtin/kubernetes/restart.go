package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	poll = 100 * time.Millisecond
	// jitter is the longest pause before a pod is evicted, so that no two
	// come back in step.
	jitter = 300 * time.Millisecond
	// steady is how long a pod must stay ready before it counts: one that
	// crashes is ready for a moment, where it has no probe.
	steady = 500 * time.Millisecond
)

// restarting is one restart under way.
type restarting struct {
	*workload

	plan    *restartPlan
	call    plugins.Call
	to      plugins.Stream
	total   int
	evicted []corev1.Pod            // in order
	doubt   *corev1.Pod             // asked to be evicted, and no answer came
	back    []corev1.Pod            // what has taken their places and is ready, in order
	whole   bool                    // there are as many pods as there are to be, all ready: no more will come
	since   map[types.UID]time.Time // when a pod was first seen to be ready
	waves   []capability.RestartedWave
	blocked string // why the next pod is not evicted yet
	waited  bool   // it was said that it waits
}

func (w *workload) restart(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	if stopped(call.Stop) {
		return failed(plugins.Fail(plugins.Cancelled, "stopped before any pod was evicted"))
	}
	f, err := w.fleet(ctx)
	if err != nil {
		return failed(err)
	}
	in, err := restartInput(call)
	if err != nil {
		return failed(err)
	}
	if in.Strategy == capability.Rollout {
		return w.rollOut(ctx, call, in, f, to)
	}
	plan, err := planOf(call, in, f, time.Now().UTC())
	if err == nil {
		err = plan.herd
	}
	if err != nil {
		return failed(err)
	}
	if len(f.pods) == 0 {
		return failed(plugins.Fail(plugins.NotFound, "%s has no pods to restart", w.ref))
	}
	if !plan.goOn && len(plan.waves) > 0 {
		if err := w.note(ctx, &plan.noted); err != nil {
			return failed(err)
		}
	}
	r := &restarting{workload: w, plan: plan, call: call, to: to, total: count(plan.waves), since: map[types.UID]time.Time{}}
	for i, wave := range plan.waves {
		from := time.Now().UTC()
		to.Progress(len(r.back), r.total, fmt.Sprintf("wave %d of %d: restarting %s", i+1, len(plan.waves), strings.Join(names(wave), ", ")))
		first := len(r.back)
		if err = r.wave(ctx, wave); err != nil {
			break
		}
		r.waves = append(r.waves, capability.RestartedWave{Replicas: names(r.back[first:]), From: from, To: time.Now().UTC()})
		to.Progress(len(r.back), r.total, fmt.Sprintf("wave %d of %d: all ready after %s", i+1, len(plan.waves), time.Since(from).Round(time.Millisecond)))
	}
	if err == nil && (plan.goOn || r.total > 0) {
		if err := w.note(ctx, nil); err != nil {
			to.Log("warn", fmt.Sprintf("all pods are restarted, but %s still says that a restart is under way, for %s: %v", w.ref, goesOn, err))
		}
	}
	return r.outcome(ctx, err)
}

// note writes on the Deployment or StatefulSet which pods are being replaced;
// nil takes the note away.
func (w *workload) note(ctx context.Context, n *restartNoted) error {
	var text *string
	if n != nil {
		raw, err := json.Marshal(n)
		if err != nil {
			return err
		}
		text = new(string(raw))
	}
	return w.patch(ctx, types.MergePatchType, w.ref.resource, w.ref.name, "",
		map[string]any{"metadata": map[string]any{"annotations": map[string]any{restartNote: text}}}, nil)
}

// wave replaces the pods of one wave, no more at a time than may be
// missing, and returns when others are ready in their places and they are
// gone. Each has the plan's time. It ends early between two evictions.
func (r *restarting) wave(ctx context.Context, wave []corev1.Pod) error {
	deadline := time.Now().Add(r.plan.within)
	for {
		f, err := r.fleet(ctx)
		var moved bool
		switch {
		case err == nil:
			wave, moved, err = r.step(ctx, f, wave)
		case again(err) && time.Now().Before(deadline):
			if r.blocked == "" {
				r.to.Log("warn", fmt.Sprintf("the cluster cannot be read now; trying on: %v", err))
			}
			r.blocked, err = err.Error(), nil
		default:
			err = fmt.Errorf("%d of %d pods are restarted and ready: %w", len(r.back), r.total, err)
		}
		switch {
		case err != nil:
			return err
		case f != nil && len(wave) == 0 && r.settled(f):
			return nil
		case moved:
			deadline = time.Now().Add(r.plan.within)
			continue
		case time.Now().After(deadline):
			return plugins.Fail(plugins.Timeout, "%s: %s; %d of %d pods are restarted and ready; look at workload.status, and restart the rest once it is well: those that are done stay as they are",
				r.plan.within, r.missing(f), len(r.back), r.total)
		case !pause(ctx, poll):
			return plugins.Fail(plugins.Timeout, "time ran out; %d of %d pods are restarted", len(r.back), r.total)
		}
	}
}

// step looks at the fleet, and evicts the next pod of the wave if one more may
// be missing. It returns what is left of the wave, and whether it came on.
func (r *restarting) step(ctx context.Context, f *fleet, wave []corev1.Pod) (left []corev1.Pod, moved bool, err error) {
	r.blocked = ""
	moved = r.look(f)
	if len(wave) == 0 || r.short() >= r.plan.atOnce {
		return wave, moved, nil
	}
	if stopped(r.call.Stop) {
		return wave, moved, plugins.Fail(plugins.Cancelled, "stopped before the next pod; %d of %d pods are restarted", len(r.evicted), r.total)
	}
	gone, err := r.next(ctx, f, &wave[0])
	if gone {
		return wave[1:], true, err
	}
	return wave, moved, err
}

// next evicts one pod, and says whether it is gone or going.
func (r *restarting) next(ctx context.Context, f *fleet, pod *corev1.Pod) (bool, error) {
	same := func(p corev1.Pod) bool { return p.UID == pod.UID }
	if slices.ContainsFunc(r.evicted, same) { // there was a doubt about it
		return true, nil
	}
	if !slices.ContainsFunc(f.pods, same) {
		r.to.Log("info", pod.Name+" has ended by itself since this began; it is not evicted")
		r.evicted = append(r.evicted, *pod)
		return true, nil
	}
	if len(r.evicted) > 0 && !pause(ctx, rand.N(jitter)) { //nolint:gosec // no secret is made from it
		return false, nil
	}
	err := r.evict(ctx, pod)
	switch {
	case err == nil, apierrors.IsNotFound(err), apierrors.IsConflict(err): // gone, or another one has its name
		r.evicted, r.waited = append(r.evicted, *pod), false
		return true, nil
	case apierrors.IsTooManyRequests(err):
		if !r.waited {
			r.to.Log("info", fmt.Sprintf("%s waits: %s", pod.Name, message(err)))
		}
		r.waited, r.blocked = true, message(err)
		return false, nil
	case lost(err):
		r.to.Log("warn", fmt.Sprintf("whether %s is evicted is not known yet: %v", pod.Name, err))
		r.doubt, r.blocked = pod, err.Error()
		return false, nil
	}
	return false, fmt.Errorf("%d of %d pods are restarted: %w", len(r.evicted), r.total, err)
}

// look resolves the doubt about an eviction, takes down what has come back,
// and says whether there is more of it than before.
func (r *restarting) look(f *fleet) bool {
	if r.doubt != nil {
		if !slices.ContainsFunc(f.pods, func(p corev1.Pod) bool { return p.UID == r.doubt.UID }) {
			r.evicted = append(r.evicted, *r.doubt)
		}
		r.doubt = nil
	}
	var fresh []corev1.Pod
	kept := 0
	for _, pod := range f.pods {
		switch {
		case slices.Contains(r.plan.noted.Pods, pod.UID):
			kept += rank(ready(&pod))
		case !ready(&pod):
			delete(r.since, pod.UID)
		case r.since[pod.UID].IsZero():
			r.since[pod.UID] = time.Now()
		case time.Since(r.since[pod.UID]) >= max(steady, f.set.minReady):
			fresh = append(fresh, pod)
		}
	}
	r.whole = f.set.complete && len(f.pods) == f.set.replicas && kept+len(fresh) == f.set.replicas
	// Those that another restart has brought back come first, and are not ours.
	slices.SortStableFunc(fresh, func(a, b corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	fresh = fresh[min(len(fresh), r.plan.others):]
	was := len(r.back)
	r.back = fresh[:min(len(fresh), len(r.evicted))]
	return len(r.back) > was
}

// short is how many pods are missing yet. Where a rollout was under way there
// were more than there are to be, and not every place is taken again.
func (r *restarting) short() int {
	if r.whole {
		return 0
	}
	return len(r.evicted) - len(r.back)
}

// settled says whether every pod that was evicted is gone and has another
// ready in its place.
func (r *restarting) settled(f *fleet) bool {
	there := func(p corev1.Pod) bool {
		return slices.ContainsFunc(r.evicted, func(e corev1.Pod) bool { return e.UID == p.UID })
	}
	return r.doubt == nil && r.short() == 0 && !slices.ContainsFunc(f.pods, there) && !slices.ContainsFunc(f.leaving, there)
}

// missing says what is waited for.
func (r *restarting) missing(f *fleet) string {
	if r.blocked != "" {
		return "the next pod could not be evicted: " + r.blocked
	}
	if f != nil && len(f.leaving) > 0 && r.short() == 0 {
		return strings.Join(names(f.leaving), ", ") + " is still ending"
	}
	return "what took the places of the evicted pods did not become ready"
}

// again says whether a read that failed may succeed soon.
func again(err error) bool {
	class := plugins.AsFailure(err).Class
	return class == plugins.Unavailable || class == plugins.Timeout || class == plugins.Conflict
}

// outcome says how far the restart came.
func (r *restarting) outcome(ctx context.Context, err error) plugins.Outcome {
	out := plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.Partial}
	switch {
	case r.doubt != nil:
		out.Applied = plugins.Unknown
	case len(r.evicted) == 0 && (err != nil || r.total > 0):
		out.Applied = plugins.None
		return out
	case len(r.evicted) == 0: // nothing was left to do
		out.Applied = plugins.None
	case err == nil:
		out.Applied = plugins.All
	}
	var went []plannedPod
	for _, pod := range r.evicted {
		went = append(went, planned(&pod))
	}
	var merr error
	if out.Receipt, merr = json.Marshal(r.replaced(went, r.back)); merr == nil {
		out.Outputs, merr = json.Marshal(capability.RestartOutput{Observed: observed(r.Resource()), Waves: r.waves})
	}
	if merr != nil {
		out.Failure = plugins.AsFailure(errors.Join(err, merr))
	}
	if f, err := r.fleet(ctx); err == nil {
		out.Left = f.fingerprint()
	}
	return out
}

// replaced says which pods went, and what took the place of each: in a
// StatefulSet the one of its name, and else the next that came.
func (w *workload) replaced(went []plannedPod, came []corev1.Pod) (receipt capability.RestartReceipt) {
	came = slices.Clone(came)
	for _, was := range went {
		one := capability.RestartedReplica{Name: was.Name, Was: was.Was}
		i := slices.IndexFunc(came, func(p corev1.Pod) bool { return w.ref.kind != statefulSets || p.Name == was.Name })
		if i >= 0 {
			if one.Name, one.Is = came[i].Name, startedAt(&came[i]); one.Name != was.Name {
				one.Replaced = was.Name
			}
			came = slices.Delete(came, i, i+1)
		}
		receipt.Replicas = append(receipt.Replicas, one)
	}
	return receipt
}

// probeRestart compares the pods of the plan with those of now. It cannot tell
// an eviction of ours from another's; both leave fresh connections.
func (w *workload) probeRestart(ctx context.Context, call plugins.Call, undo json.RawMessage) (plugins.Probed, error) {
	var planned restartPlanned
	if err := json.Unmarshal(undo, &planned); err != nil || planned.Pods == nil {
		return plugins.Probed{}, errors.New("the plan left no list of pods to compare with")
	}
	f, err := w.fleet(ctx)
	if err != nil {
		return plugins.Probed{}, err
	}
	left := f.fingerprint()
	begun := f.set.meta.Annotations[callNote] == call.ID // of a rollout; waves leave another note
	if call.Expect == left && !begun {
		return plugins.Probed{Applied: plugins.None, Left: left, Reason: "every pod is the one that it was at the plan"}, nil
	}
	var fresh []corev1.Pod
	for _, pod := range f.pods {
		if !slices.ContainsFunc(planned.Pods, func(p plannedPod) bool { return p.UID == pod.UID }) {
			fresh = append(fresh, pod)
		}
	}
	slices.SortStableFunc(fresh, func(a, b corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	receipt := w.replaced(slices.DeleteFunc(slices.Clone(planned.Pods), func(was plannedPod) bool {
		return slices.ContainsFunc(f.pods, func(p corev1.Pod) bool { return p.UID == was.UID })
	}), fresh)
	out := plugins.Probed{Applied: plugins.Partial, Left: left}
	out.Reason = fmt.Sprintf("%d of %d pods have been replaced since the plan", len(receipt.Replicas), len(planned.Pods))
	switch n := len(receipt.Replicas); {
	case begun && n < len(planned.Pods):
		out.Reason += "; the rollout that replaces them has begun, and goes on by itself"
	case n == 0:
		out.Applied = plugins.None
		return out, nil
	case n == len(planned.Pods):
		out.Applied = plugins.All
	default:
		out.Reason += "; the next restart goes on with the others, for " + goesOn.String()
	}
	if out.Receipt, err = json.Marshal(receipt); err != nil {
		return plugins.Probed{}, err
	}
	out.Outputs, err = json.Marshal(capability.RestartOutput{Observed: observed(w.Resource())})
	return out, err
}
