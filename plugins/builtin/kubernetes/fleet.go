package kubernetes

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/firebreak-ops/firebreak/plugins"
)

// revisionNote is where the Deployment's controller numbers the versions.
const revisionNote = "deployment.kubernetes.io/revision"

// fleet is a Deployment with what it has made, read one after the other.
type fleet struct {
	deployment *appsv1.Deployment
	sets       []appsv1.ReplicaSet // newest revision first
	pods       []corev1.Pod        // that run or are to run, by name
	leaving    []corev1.Pod        // that are ending
}

func (w *workload) fleet(ctx context.Context) (*fleet, error) {
	f := &fleet{deployment: &appsv1.Deployment{}}
	if err := w.get(ctx, "deployments", w.deployment, f.deployment); err != nil {
		return nil, err
	}
	sets, err := w.sets(ctx, f.deployment)
	if err != nil {
		return nil, err
	}
	f.sets = sets
	selector, err := selectorOf(f.deployment)
	if err != nil {
		return nil, err
	}
	var pods corev1.PodList
	if err := w.list(ctx, "pods", selector, &pods); err != nil {
		return nil, err
	}
	for _, pod := range pods.Items {
		owner := metav1.GetControllerOf(&pod)
		ours := owner != nil && slices.ContainsFunc(sets, func(s appsv1.ReplicaSet) bool { return s.UID == owner.UID })
		switch {
		case !ours || pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded:
		case pod.DeletionTimestamp != nil:
			f.leaving = append(f.leaving, pod)
		default:
			f.pods = append(f.pods, pod)
		}
	}
	slices.SortFunc(f.pods, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return f, nil
}

// sets are the versions of a Deployment that are kept, newest revision first.
func (c *cluster) sets(ctx context.Context, d *appsv1.Deployment) ([]appsv1.ReplicaSet, error) {
	selector, err := selectorOf(d)
	if err != nil {
		return nil, err
	}
	var all appsv1.ReplicaSetList
	if err := c.list(ctx, "replicasets", selector, &all); err != nil {
		return nil, err
	}
	sets := slices.DeleteFunc(all.Items, func(s appsv1.ReplicaSet) bool { return !metav1.IsControlledBy(&s, d) })
	slices.SortFunc(sets, func(a, b appsv1.ReplicaSet) int { return revision(&b) - revision(&a) })
	return sets, nil
}

func selectorOf(d *appsv1.Deployment) (metav1.ListOptions, error) {
	s, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil {
		return metav1.ListOptions{}, plugins.Fail(plugins.Invalid, "Deployment %s: selector: %v", d.Name, err)
	}
	return metav1.ListOptions{LabelSelector: s.String()}, nil
}

// revision is the number of a version; 0 if it has none.
func revision(o metav1.Object) int {
	n, err := strconv.Atoi(o.GetAnnotations()[revisionNote])
	if err != nil {
		return 0
	}
	return n
}

// desired is how many replicas are to run.
func desired(d *appsv1.Deployment) int {
	if d.Spec.Replicas == nil {
		return 1
	}
	return int(*d.Spec.Replicas)
}

// newest is the version that the Deployment is at; nil while its controller
// has not made it.
func (f *fleet) newest() *appsv1.ReplicaSet {
	for i := range f.sets {
		if sameTemplate(&f.sets[i].Spec.Template, &f.deployment.Spec.Template) {
			return &f.sets[i]
		}
	}
	return nil
}

// complete says whether every replica is of the newest version, and ready.
func (f *fleet) complete() bool {
	s, n := f.deployment.Status, int32(desired(f.deployment)) //nolint:gosec // it was one
	return s.ObservedGeneration >= f.deployment.Generation && s.UpdatedReplicas == n && s.Replicas == n && s.ReadyReplicas == n
}

// countReady counts the pods that serve.
func (f *fleet) countReady() int {
	n := 0
	for i := range f.pods {
		if ready(&f.pods[i]) {
			n++
		}
	}
	return n
}

// fingerprint is of the set of pods.
func (f *fleet) fingerprint() string {
	pods := map[string]string{}
	for _, pod := range f.pods {
		pods[pod.Name] = string(pod.UID)
	}
	return plugins.Fingerprint(pods)
}

// startedAt is when the last of a pod's containers started; zero while none
// runs.
func startedAt(pod *corev1.Pod) time.Time {
	var at time.Time
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Running != nil && c.State.Running.StartedAt.After(at) {
			at = c.State.Running.StartedAt.UTC()
		}
	}
	return at
}

func images(t *corev1.PodTemplateSpec) []string {
	var all []string
	for _, c := range t.Spec.Containers {
		all = append(all, c.Image)
	}
	return all
}
