package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// kind is one kind of what runs pods and rolls their versions out.
type kind struct{ title, resource string }

var (
	deployments  = kind{"Deployment", "deployments"}
	statefulSets = kind{"StatefulSet", "statefulsets"}
)

// ref names a Deployment or a StatefulSet of the namespace.
type ref struct {
	kind

	name string // empty: none
}

// String names it in sentences.
func (r ref) String() string { return r.title + " " + r.name }

// set is a Deployment or a StatefulSet, as far as the two are alike.
type set struct {
	ref

	meta     metav1.ObjectMeta
	template corev1.PodTemplateSpec
	selector metav1.ListOptions
	replicas int
	atOnce   int           // how many may be missing while they are replaced
	minReady time.Duration // how long a pod must be ready before it counts
	complete bool          // every pod that is to be is of the newest version, and ready
	kept     int           // pods that a StatefulSet's partition leaves at their version
	onDelete bool          // pods are of a new version only once something else ends them
	paused   bool          // a Deployment's rollouts wait until somebody lets them go on

	stuck      capability.Stuck // what its own conditions say
	reason     string
	progressed time.Time // when it last began to move; zero where it does not say
}

// set reads what the reference names.
func (c *cluster) set(ctx context.Context, r ref) (*set, error) {
	if r.kind == statefulSets {
		var s appsv1.StatefulSet
		if err := c.get(ctx, r.resource, r.name, &s); err != nil {
			return nil, err
		}
		return ofStatefulSet(r, &s)
	}
	var d appsv1.Deployment
	if err := c.get(ctx, r.resource, r.name, &d); err != nil {
		return nil, err
	}
	return ofDeployment(r, &d)
}

func ofDeployment(r ref, d *appsv1.Deployment) (*set, error) {
	s := &set{
		ref: r, meta: d.ObjectMeta, template: d.Spec.Template, replicas: one(d.Spec.Replicas), paused: d.Spec.Paused,
		minReady: time.Duration(d.Spec.MinReadySeconds) * time.Second,
	}
	s.atOnce = s.replicas
	if d.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType {
		most := intstr.FromString("25%")
		if u := d.Spec.Strategy.RollingUpdate; u != nil && u.MaxUnavailable != nil {
			most = *u.MaxUnavailable
		}
		s.atOnce = allowed(most, s.replicas, false)
	}
	n := d.Status
	s.complete = n.ObservedGeneration >= d.Generation && all(s.replicas, n.UpdatedReplicas, n.Replicas, n.ReadyReplicas)
	for _, c := range n.Conditions {
		switch {
		case c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue:
			// Quota is by far the most frequent; an admission webhook's no
			// stands in the message.
			s.stuck, s.reason = capability.StuckQuota, "no pod can be made: "+c.Message
		case c.Type == appsv1.DeploymentProgressing:
			s.progressed = c.LastUpdateTime.UTC()
			if c.Reason == "ProgressDeadlineExceeded" && s.stuck == "" {
				s.stuck, s.reason = capability.StuckDeadline, c.Message
			}
		}
	}
	return s.selecting(d.Spec.Selector)
}

func ofStatefulSet(r ref, o *appsv1.StatefulSet) (*set, error) {
	s := &set{
		ref: r, meta: o.ObjectMeta, template: o.Spec.Template, replicas: one(o.Spec.Replicas),
		minReady: time.Duration(o.Spec.MinReadySeconds) * time.Second, atOnce: 1,
		onDelete: o.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType,
	}
	if u := o.Spec.UpdateStrategy.RollingUpdate; u != nil {
		if u.MaxUnavailable != nil {
			s.atOnce = allowed(*u.MaxUnavailable, s.replicas, true)
		}
		if u.Partition != nil {
			s.kept = min(int(*u.Partition), s.replicas)
		}
	}
	n := o.Status
	s.complete = n.ObservedGeneration >= o.Generation && int(n.UpdatedReplicas) >= s.replicas-s.kept && all(s.replicas, n.Replicas, n.ReadyReplicas)
	return s.selecting(o.Spec.Selector)
}

func (s *set) selecting(by *metav1.LabelSelector) (*set, error) {
	selector, err := metav1.LabelSelectorAsSelector(by)
	if err != nil {
		return nil, plugins.Fail(plugins.Invalid, "%s: selector: %v", s.ref, err)
	}
	s.selector = metav1.ListOptions{LabelSelector: selector.String()}
	return s, nil
}

func one(n *int32) int {
	if n == nil {
		return 1
	}
	return int(*n)
}

func all(want int, are ...int32) bool {
	return !slices.ContainsFunc(are, func(n int32) bool { return int(n) != want })
}

// allowed is how many of n pods a strategy lets be missing. One, where it
// allows none: a restart has no pod to spare.
func allowed(most intstr.IntOrString, n int, up bool) int {
	m, err := intstr.GetScaledValueFromIntOrPercent(&most, n, up)
	if err != nil || m < 1 {
		return 1
	}
	return m
}

// rollsAllAtOnce refuses a rollout that the strategy lets take all pods at
// once, unless it was said why.
func (s *set) rollsAllAtOnce(why string) error {
	if s.onDelete || capability.AllAtOnce(s.atOnce, s.replicas, why) == nil {
		return nil
	}
	return plugins.Fail(plugins.Denied, "the strategy of %s replaces all %d pods at once; give it a maxUnavailable, or say in all_at_once why it must be", s.ref, s.replicas)
}

// reach says which pods a new version does not come to by itself.
func (s *set) reach() string {
	switch {
	case s.onDelete:
		return "its strategy is OnDelete: a pod is of another version only once workload.restart, or somebody, has replaced it\n"
	case s.kept > 0:
		return fmt.Sprintf("its partition leaves the first %d pods at the version that they are of\n", s.kept)
	}
	return ""
}

// fingerprint is of what a rollout overwrites.
func (s *set) fingerprint() string { return plugins.Fingerprint(plain(&s.template)) }

// before compares two pods by the order in which they are replaced: those of a
// StatefulSet from the last to the first.
func (s *set) before(a, b *corev1.Pod) int {
	if s.kind != statefulSets {
		return 0
	}
	return ordinal(b) - ordinal(a)
}

// ordinal is the number in the name of a StatefulSet's pod.
func ordinal(pod *corev1.Pod) int {
	n, err := strconv.Atoi(pod.Name[strings.LastIndexByte(pod.Name, '-')+1:])
	if err != nil {
		return 0
	}
	return n
}

// revision is one version of a set that is kept.
type revision struct {
	name   string // for good
	number int    // as people count them; going back to a version gives it the next one
	at     time.Time
	object metav1.Object // what keeps it
	// Of the pods that are made from it:
	template corev1.PodTemplateSpec
	ready    int // only where the pods were read
}

// revisions are the versions of a set that are kept, newest first.
func (c *cluster) revisions(ctx context.Context, s *set) ([]revision, error) {
	var found []revision
	keep := func(o metav1.Object, number int, template corev1.PodTemplateSpec) {
		if metav1.IsControlledBy(o, &s.meta) {
			found = append(found, revision{name: o.GetName(), number: number, at: o.GetCreationTimestamp().UTC(), object: o, template: template})
		}
	}
	if s.kind == statefulSets {
		var list appsv1.ControllerRevisionList
		if err := c.list(ctx, "controllerrevisions", s.selector, &list); err != nil {
			return nil, err
		}
		for i := range list.Items {
			var patch struct {
				Spec struct {
					Template corev1.PodTemplateSpec `json:"template"`
				} `json:"spec"`
			}
			if json.Unmarshal(list.Items[i].Data.Raw, &patch) == nil {
				keep(&list.Items[i], int(list.Items[i].Revision), patch.Spec.Template)
			}
		}
	} else {
		var list appsv1.ReplicaSetList
		if err := c.list(ctx, "replicasets", s.selector, &list); err != nil {
			return nil, err
		}
		for i := range list.Items {
			n, err := strconv.Atoi(list.Items[i].Annotations[revisionNote])
			if err != nil {
				n = 0 // its controller has not counted it yet
			}
			keep(&list.Items[i], n, list.Items[i].Spec.Template)
		}
	}
	slices.SortFunc(found, func(a, b revision) int { return b.number - a.number })
	return found, nil
}

// revisionNote is where the Deployment's controller numbers the versions.
const revisionNote = "deployment.kubernetes.io/revision"

// runs says whether a pod is one of the set's.
func (s *set) runs(pod *corev1.Pod, all []revision) bool {
	if s.kind == statefulSets {
		return metav1.IsControlledBy(pod, &s.meta)
	}
	return slices.ContainsFunc(all, func(r revision) bool { return r.made(pod) })
}

// made says whether a pod of the set is of that version.
func (r *revision) made(pod *corev1.Pod) bool {
	if _, ok := r.object.(*appsv1.ControllerRevision); ok {
		return pod.Labels[appsv1.StatefulSetRevisionLabel] == r.name
	}
	return metav1.IsControlledBy(pod, r.object)
}
