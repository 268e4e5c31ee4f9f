package kubernetes

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	// restartNote is the annotation by which a restart that broke off is
	// known to the next one.
	restartNote = "firebreak/restart"
	// goesOn is for how long the next one goes on with it.
	goesOn = 10 * time.Minute
)

// restartBinding is what a plan of workload.restart binds. With since it is
// bound how far the restart goes, whichever pods are left by then.
type restartBinding struct {
	Resource    string              `json:"resource"`
	Waves       [][]string          `json:"waves,omitempty"` // names of pods
	UpTo        []capability.Wave   `json:"up_to,omitempty"`
	Since       time.Time           `json:"since,omitzero"`
	Started     time.Time           `json:"started_since,omitzero"`
	AtOnce      int                 `json:"at_once"`
	ReadyWithin capability.Duration `json:"ready_within"`
}

// restartNoted is what the annotation holds.
type restartNoted struct {
	Call  string      `json:"call"`
	For   []string    `json:"approved_by,omitempty"`
	Began time.Time   `json:"began"`
	Pods  []types.UID `json:"pods"` // all that are to be replaced
}

// restartPlanned is what a probe compares with.
type restartPlanned struct {
	Pods []plannedPod `json:"pods"`
}

type plannedPod struct {
	Name string    `json:"name"`
	UID  types.UID `json:"uid"`
	Was  time.Time `json:"was"`
}

func planned(pod *corev1.Pod) plannedPod { return plannedPod{pod.Name, pod.UID, startedAt(pod)} }

// restartPlan is a restart worked out against the fleet as it is.
type restartPlan struct {
	waves  [][]corev1.Pod
	noted  restartNoted // of the restart that is begun or gone on with
	asked  capability.RestartInput
	goOn   bool // another one broke off
	others int  // pods that it has brought back, and this one has not
	atOnce int  // how many may be missing at a time, within a wave
	within time.Duration
	herd   error // why this may not be done as things are: it takes all at once
}

func restartInput(call plugins.Call) (capability.RestartInput, error) {
	if len(call.Receipt) > 0 {
		return capability.RestartInput{}, plugins.Fail(plugins.Invalid, "workload.restart takes no receipt: it cannot be undone")
	}
	in, err := capability.Input[capability.RestartInput](call.Action, call.Input)
	if err == nil && in.Strategy == capability.Rollout && (!in.Since.IsZero() || !in.Started.IsZero()) {
		err = plugins.Fail(plugins.Invalid, "a rollout replaces all pods, whenever they started: leave since and started_since out, or strategy")
	}
	return in, err
}

// expect compares the pods with those that the call was planned for.
func (f *fleet) expect(call plugins.Call) error {
	if call.Expect != "" && call.Expect != f.fingerprint() {
		return drift("pods of %s were restarted, added or removed since this was planned", f.set.ref)
	}
	return nil
}

// planOf cuts the pods into waves. Where a restart broke off a short time ago,
// those that it has replaced are left alone, and its waves count.
func planOf(call plugins.Call, in capability.RestartInput, f *fleet, now time.Time) (*restartPlan, error) {
	if err := f.expect(call); err != nil {
		return nil, err
	}
	p := &restartPlan{asked: in, atOnce: f.set.atOnce, within: in.ReadyWithin.Std(), noted: restartNoted{Call: call.ID, For: call.Origin.ApprovedBy, Began: now}}
	left := f.pods
	if old := noted(f.set); old != nil && now.Sub(old.Began) < goesOn && in.Started.IsZero() {
		left = slices.DeleteFunc(slices.Clone(f.pods), func(pod corev1.Pod) bool { return !slices.Contains(old.Pods, pod.UID) })
		if p.goOn = 0 < len(left) && len(left) < len(old.Pods); p.goOn {
			p.noted = *old
		} else {
			left = f.pods
		}
	}
	if !p.goOn {
		for _, pod := range left {
			p.noted.Pods = append(p.noted.Pods, pod.UID)
		}
	}
	p.others = len(p.noted.Pods) - len(left)
	left = slices.Clone(left)
	if !in.Since.IsZero() {
		left = slices.DeleteFunc(left, func(pod corev1.Pod) bool { return startedAt(&pod).After(in.Since) })
	}
	slices.SortStableFunc(left, func(a, b corev1.Pod) int { // what does not serve is missed by nobody
		return cmp.Or(rank(ready(&a))-rank(ready(&b)), f.set.before(&a, &b))
	})
	total := len(p.noted.Pods)
	if !in.Started.IsZero() {
		left = slices.DeleteFunc(left, func(pod corev1.Pod) bool {
			at := startedAt(&pod) // in whole seconds; none while it does not run, and so is missed by nobody
			return !at.IsZero() && at.Before(in.Started.Truncate(time.Second))
		})
		total = len(left)
	}
	for _, n := range capability.Cut(in.Waves, total-len(left), total) {
		if err := capability.AllAtOnce(min(n, p.atOnce), len(f.pods), in.AllAtOnce); err != nil {
			p.herd = err
		}
		p.waves = append(p.waves, left[:n])
		left = left[n:]
	}
	return p, nil
}

func rank(ready bool) int {
	if ready {
		return 1
	}
	return 0
}

// noted is the restart that the set says is under way; nil if none.
func noted(s *set) *restartNoted {
	var n restartNoted
	if json.Unmarshal([]byte(s.meta.Annotations[restartNote]), &n) != nil {
		return nil
	}
	return &n
}

func (w *workload) planRestart(ctx context.Context, call plugins.Call) (plugins.Plan, error) {
	f, err := w.fleet(ctx)
	if err != nil {
		return plugins.Plan{}, err
	}
	in, err := restartInput(call)
	if err != nil {
		return plugins.Plan{}, err
	}
	if in.Strategy == capability.Rollout {
		return w.planRollout(ctx, call, in, f)
	}
	p, err := planOf(call, in, f, time.Now().UTC())
	if err != nil {
		return plugins.Plan{}, err
	}
	if p.herd != nil && p.asked.Since.IsZero() {
		return plugins.Plan{}, p.herd
	}
	budgets, err := w.budgets(ctx, f)
	if err != nil {
		return plugins.Plan{}, err
	}
	bind := restartBinding{Resource: w.Resource(), Since: p.asked.Since, Started: p.asked.Started, AtOnce: p.atOnce, ReadyWithin: capability.Duration(p.within)}
	if !bind.Since.IsZero() {
		bind.UpTo = p.asked.Waves
	}
	going := restartPlanned{Pods: []plannedPod{}}
	var detail strings.Builder
	if p.goOn {
		fmt.Fprintf(&detail, "goes on with a restart that broke off: %d of %d pods have been replaced since %s, and are left alone\n",
			p.others, len(p.noted.Pods), p.noted.Began.Format(time.RFC3339))
	}
	if len(p.waves) == 0 {
		detail.WriteString(p.asked.Nothing())
	}
	for i, wave := range p.waves {
		if bind.UpTo == nil {
			bind.Waves = append(bind.Waves, names(wave))
		}
		fmt.Fprintf(&detail, "wave %d of %d, at most %d missing at a time, each ready within %s:\n", i+1, len(p.waves), p.atOnce, bind.ReadyWithin)
		for _, pod := range wave {
			going.Pods = append(going.Pods, planned(&pod))
			fmt.Fprintf(&detail, "  evict %s, %s\n", pod.Name, state(&pod))
		}
	}
	if p.herd != nil { // steps before this one may have restarted some by then
		fmt.Fprintf(&detail, "refused, unless some have started by then: %v\n", p.herd)
	}
	detail.WriteString(budgets)
	binding, err := plugins.Canonical(bind)
	if err != nil {
		return plugins.Plan{}, err
	}
	undo, err := json.Marshal(going)
	return plugins.Plan{
		Binding: binding, Detail: detail.String(), Fingerprint: f.fingerprint(), Undo: undo, Resource: w.Resource(),
		BlastRadius: plugins.BlastRadius{Unit: "replicas", Affected: len(going.Pods), Total: len(f.pods)},
	}, err
}

// budgets says what the PodDisruptionBudgets of these pods allow.
func (w *workload) budgets(ctx context.Context, f *fleet) (string, error) {
	var all policyv1.PodDisruptionBudgetList
	if err := w.list(ctx, "poddisruptionbudgets", metav1.ListOptions{}, &all); err != nil {
		return "", err
	}
	var out strings.Builder
	for _, budget := range all.Items {
		selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector)
		if err != nil || !selector.Matches(labels.Set(f.set.template.Labels)) {
			continue
		}
		fmt.Fprintf(&out, "the disruption budget %s allows %d to be missing now; a pod waits while it allows none\n", budget.Name, budget.Status.DisruptionsAllowed)
	}
	return out.String(), nil
}

func state(pod *corev1.Pod) string {
	at := startedAt(pod)
	switch {
	case at.IsZero():
		return "not running"
	case ready(pod):
		return "started " + at.Format(time.RFC3339) + ", ready"
	}
	return "started " + at.Format(time.RFC3339) + ", not ready"
}

func names(pods []corev1.Pod) []string {
	out := make([]string, len(pods))
	for i := range pods {
		out[i] = pods[i].Name
	}
	return out
}

func count(waves [][]corev1.Pod) int {
	n := 0
	for _, wave := range waves {
		n += len(wave)
	}
	return n
}
