package kubernetes

import (
	"context"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/firebreak-ops/firebreak/plugins"
)

// fleet is a Deployment or a StatefulSet with what it has made, read one after
// the other.
type fleet struct {
	set       *set
	revisions []revision   // newest first
	pods      []corev1.Pod // that run or are to run, by name
	leaving   []corev1.Pod // that are ending
}

func (c *cluster) fleet(ctx context.Context, r ref) (*fleet, error) {
	s, err := c.set(ctx, r)
	if err != nil {
		return nil, err
	}
	f := &fleet{set: s}
	if f.revisions, err = c.revisions(ctx, s); err != nil {
		return nil, err
	}
	var pods corev1.PodList
	if err := c.list(ctx, "pods", s.selector, &pods); err != nil {
		return nil, err
	}
	for _, pod := range pods.Items {
		switch {
		case !s.runs(&pod, f.revisions) || pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded:
		case pod.DeletionTimestamp != nil:
			f.leaving = append(f.leaving, pod)
		default:
			f.pods = append(f.pods, pod)
			if of := f.of(&pod); of != nil && ready(&pod) {
				of.ready++
			}
		}
	}
	slices.SortFunc(f.pods, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return f, nil
}

// of is the version that a pod is of; nil where it is not kept.
func (f *fleet) of(pod *corev1.Pod) *revision {
	for i := range f.revisions {
		if f.revisions[i].made(pod) {
			return &f.revisions[i]
		}
	}
	return nil
}

// newest is the version that the set is at; nil while its controller has not
// made it.
func (f *fleet) newest() *revision {
	for i := range f.revisions {
		if sameTemplate(&f.revisions[i].template, &f.set.template) {
			return &f.revisions[i]
		}
	}
	return nil
}

// number is that of the newest version; 0 while there is none.
func (f *fleet) number() int {
	if r := f.newest(); r != nil {
		return r.number
	}
	return 0
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
