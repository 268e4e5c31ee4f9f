package kubernetes

import (
	"context"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func (w *workload) status(ctx context.Context) (*capability.StatusOutput, error) {
	f, err := w.fleet(ctx)
	if err != nil {
		return nil, err
	}
	out := &capability.StatusOutput{Observed: observed(w.Resource()), Desired: f.set.replicas, Ready: f.countReady()}
	whys := map[string]why{} // by the pod's name
	for i := range f.pods {
		pod := &f.pods[i]
		one := capability.Replica{Name: pod.Name, Version: versionOf(f, pod), StartedAt: startedAt(pod), Ready: ready(pod)}
		if !one.Ready {
			w := w.why(ctx, pod)
			whys[pod.Name] = w
			one.Reason = &w.text
		}
		out.Replicas = append(out.Replicas, one)
	}
	out.Rollout = f.rollout(whys)
	if r := &out.Rollout; w.ref.kind == statefulSets && !r.Complete && r.Stuck == "" && len(f.pods)+len(f.leaving) < f.set.replicas {
		// It has no conditions of its own.
		if said, err := w.said(ctx, f.set.meta.UID, "FailedCreate"); err == nil && said != "" {
			r.Stuck, r.Reason = capability.StuckQuota, "no pod can be made: "+said
		}
	}
	return out, nil
}

// versionOf is the revision that a pod is of, and its images.
func versionOf(f *fleet, pod *corev1.Pod) string {
	if r := f.of(pod); r != nil {
		return "revision " + strconv.Itoa(r.number) + ": " + strings.Join(images(&r.template), ", ")
	}
	return ""
}

// rollout is how far the newest version has come. Why a pod of it is not
// ready counts; that of an older one does not.
func (f *fleet) rollout(whys map[string]why) capability.RolloutState {
	r := capability.RolloutState{Revision: strconv.Itoa(f.number()), Complete: f.set.complete}
	good := f.lastGood()
	for i := range f.revisions {
		one := &f.revisions[i]
		r.Revisions = append(r.Revisions, capability.Revision{
			Name: strconv.Itoa(one.number), At: one.at, Images: images(&one.template), Ready: one.ready, LastGood: one == good,
		})
	}
	if r.Complete {
		return r
	}
	newest := f.newest()
	for i := range f.pods {
		w, pod := whys[f.pods[i].Name], &f.pods[i]
		if w.stuck != "" && (newest == nil || newest.made(pod)) {
			r.Stuck, r.Reason = w.stuck, "pod "+pod.Name+": "+w.text
			break
		}
	}
	if r.Stuck == "" {
		r.Stuck, r.Reason = f.set.stuck, f.set.reason
	}
	return r
}
