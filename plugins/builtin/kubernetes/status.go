package kubernetes

import (
	"context"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func (w *workload) status(ctx context.Context) (*capability.StatusOutput, error) {
	f, err := w.fleet(ctx)
	if err != nil {
		return nil, err
	}
	out := &capability.StatusOutput{Observed: observed(w.Resource()), Desired: desired(f.deployment), Ready: f.countReady()}
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
	return out, nil
}

// versionOf is the revision that a pod is of, and its images.
func versionOf(f *fleet, pod *corev1.Pod) string {
	for _, set := range f.sets {
		if metav1.IsControlledBy(pod, &set) {
			return "revision " + strconv.Itoa(revision(&set)) + ": " + strings.Join(images(&set.Spec.Template), ", ")
		}
	}
	return ""
}

// rollout is how far the newest version has come. Why a pod of it is not
// ready counts; that of an older one does not.
func (f *fleet) rollout(whys map[string]why) capability.Rollout {
	r := capability.Rollout{Revision: strconv.Itoa(revision(f.deployment)), Complete: f.complete()}
	good := f.lastGood()
	for i := range f.sets {
		set := &f.sets[i]
		r.Revisions = append(r.Revisions, capability.Revision{
			Name: strconv.Itoa(revision(set)), At: set.CreationTimestamp.UTC(), Images: images(&set.Spec.Template),
			Ready: int(set.Status.ReadyReplicas), LastGood: set == good,
		})
	}
	if r.Complete {
		return r
	}
	newest := f.newest()
	for i := range f.pods {
		w, pod := whys[f.pods[i].Name], &f.pods[i]
		if w.stuck != "" && (newest == nil || metav1.IsControlledBy(pod, newest)) {
			r.Stuck, r.Reason = w.stuck, "pod "+pod.Name+": "+w.text
			break
		}
	}
	for _, c := range f.deployment.Status.Conditions {
		switch {
		case r.Stuck != "":
		case c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue:
			// Quota is by far the most frequent; an admission webhook's no
			// stands in the message.
			r.Stuck, r.Reason = capability.StuckQuota, "no pod can be made: "+c.Message
		case c.Type == appsv1.DeploymentProgressing && c.Reason == "ProgressDeadlineExceeded":
			r.Stuck, r.Reason = capability.StuckDeadline, c.Message
		}
	}
	return r
}
