package kubelet

import (
	"context"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// unreadyFor is how long a probe may say no before that is an event.
const unreadyFor = time.Second

// runner is what runs in the place of one pod: one process after the other.
// The node's loop alone uses it, but for stop.
type runner struct {
	runtime Runtime
	logs    *logs

	process  Process
	settings map[string]string
	started  metav1.Time
	waiting  *Waiting // why nothing runs
	ended    *corev1.ContainerStateTerminated
	restarts int32
	wait     time.Duration // before the next start
	next     time.Time
	unready  string // why it is not ready
	since    time.Time
	told     bool // its probe's event is out
	stopping bool
}

// sync starts it, starts it again, asks whether it is ready, and brings it the
// settings that have changed.
func (r *runner) sync(ctx context.Context, pod *corev1.Pod, settings map[string]string, failed error) {
	if r.process == nil {
		if time.Now().Before(r.next) {
			return
		}
		r.start(pod, settings, failed)
		if r.process == nil {
			return
		}
	}
	// What ended as soon as it began was never ready: a rollout would go on.
	select {
	case <-r.process.Done():
		r.crashed(pod)
		return
	default:
	}
	if failed == nil && !maps.Equal(settings, r.settings) {
		r.settings = settings
		r.process.Set(ctx, settings)
	}
	if r.unready = r.process.Ready(ctx); r.unready == "" {
		r.since, r.told = time.Time{}, false
	} else if r.since.IsZero() {
		r.since = time.Now()
	}
}

func (r *runner) start(pod *corev1.Pod, settings map[string]string, failed error) {
	var p Process
	if failed == nil {
		p, failed = r.runtime.Start(pod, settings)
	}
	if failed != nil {
		if r.waiting = waitingOf(failed); r.waiting.Reason != Creating {
			r.next = time.Now().Add(r.wait)
		}
		return
	}
	r.process, r.settings, r.waiting, r.started = p, settings, nil, metav1.Now()
	r.since, r.told = time.Time{}, false
}

// crashed takes down how the process ended. It is started again after a
// while, which grows.
func (r *runner) crashed(pod *corev1.Pod) {
	code, words := r.process.End()
	r.logs.keep(pod, words)
	reason := "Error"
	if code == 0 {
		reason = "Completed"
	}
	r.ended = &corev1.ContainerStateTerminated{ExitCode: int32(code), Reason: reason, StartedAt: r.started, FinishedAt: metav1.Now()} //nolint:gosec // at most 255
	r.process, r.restarts, r.next = nil, r.restarts+1, time.Now().Add(r.wait)
	r.waiting = &Waiting{"CrashLoopBackOff", "back-off " + r.wait.String() + " restarting failed container"}
	r.wait = min(2*r.wait, longWait)
}

func (r *runner) stop() {
	if r.process != nil {
		r.process.Stop()
	}
}

// status is what the server is to be told, nil if it knows; and what the probe
// says, when that is to be an event.
func (r *runner) status(pod *corev1.Pod) (s *corev1.PodStatus, failed string) {
	is := r.process != nil && r.unready == ""
	if r.process != nil && !is && !r.told && time.Since(r.since) > unreadyFor {
		r.told, failed = true, "Readiness probe failed: "+r.unready
	}
	next := pod.Status.DeepCopy()
	next.Phase, next.HostIP, next.PodIP = corev1.PodPending, "127.0.0.1", "127.0.0.1"
	next.PodIPs = []corev1.PodIP{{IP: "127.0.0.1"}}
	if next.StartTime == nil {
		next.StartTime = new(metav1.Now())
	}
	state := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: Creating}}
	switch {
	case r.process != nil:
		state = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: r.started}}
	case r.waiting != nil:
		state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: r.waiting.Reason, Message: r.waiting.Message}}
	}
	if r.process != nil || r.restarts > 0 {
		next.Phase = corev1.PodRunning
	}
	next.ContainerStatuses = nil
	for _, c := range pod.Spec.Containers {
		next.ContainerStatuses = append(next.ContainerStatuses, corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, Ready: is, Started: new(r.process != nil), RestartCount: r.restarts,
			State: state, LastTerminationState: corev1.ContainerState{Terminated: r.ended},
		})
	}
	condition(next, corev1.PodInitialized, true, "")
	condition(next, corev1.ContainersReady, is, "ContainersNotReady")
	condition(next, corev1.PodReady, is, "ContainersNotReady")
	if equality.Semantic.DeepEqual(next, &pod.Status) {
		return nil, failed
	}
	return next, failed
}

func condition(s *corev1.PodStatus, kind corev1.PodConditionType, is bool, reason string) {
	next := corev1.PodCondition{Type: kind, Status: corev1.ConditionFalse, Reason: reason, LastTransitionTime: metav1.Now()}
	if is {
		next.Status, next.Reason = corev1.ConditionTrue, ""
	}
	for i := range s.Conditions {
		if s.Conditions[i].Type == kind {
			if s.Conditions[i].Status != next.Status {
				s.Conditions[i] = next
			}
			return
		}
	}
	s.Conditions = append(s.Conditions, next)
}
