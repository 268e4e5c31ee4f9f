package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const lastWords = 5 // lines of a crashed container's log

// why says what keeps a pod from being ready. Stuck is empty where it may
// become ready by itself soon.
type why struct {
	stuck capability.Stuck
	text  string
}

// refused are the reasons of waiting containers that time does not heal.
var refused = map[string]capability.Stuck{
	"CrashLoopBackOff":           capability.StuckCrashLoop,
	"CreateContainerConfigError": capability.StuckConfig,
	"CreateContainerError":       capability.StuckConfig,
	"ErrImageNeverPull":          capability.StuckImagePull,
	"ErrImagePull":               capability.StuckImagePull,
	"ImageInspectError":          capability.StuckImagePull,
	"ImagePullBackOff":           capability.StuckImagePull,
	"InvalidImageName":           capability.StuckImagePull,
	"RunContainerError":          capability.StuckConfig,
}

func (w *workload) why(ctx context.Context, pod *corev1.Pod) why {
	if c := podCondition(pod, corev1.PodScheduled); c != nil && c.Status == corev1.ConditionFalse {
		return why{capability.StuckUnschedulable, "no node takes it: " + c.Message}
	}
	for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if wait := c.State.Waiting; wait != nil && refused[wait.Reason] != "" {
			text := fmt.Sprintf("container %s: %s", c.Name, wait.Reason)
			switch stuck := refused[wait.Reason]; stuck {
			case capability.StuckCrashLoop:
				return why{stuck, w.crash(ctx, pod, c, text)}
			case capability.StuckImagePull:
				return why{stuck, fmt.Sprintf("%s of %s: %s", text, c.Image, wait.Message)}
			default:
				return why{stuck, text + ": " + wait.Message}
			}
		}
		if end := c.State.Terminated; end != nil && end.ExitCode != 0 {
			return why{capability.StuckCrashLoop, w.crash(ctx, pod, c, "container "+c.Name+" ended")}
		}
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Running != nil && !c.Ready {
			return w.unready(ctx, pod, c)
		}
	}
	if c := podCondition(pod, corev1.PodReady); c != nil && c.Message != "" {
		return why{"", "not ready yet: " + c.Message}
	}
	return why{"", "not ready yet: it is " + strings.ToLower(string(pod.Status.Phase))}
}

// crash tells how a container ended, with its last words.
func (w *workload) crash(ctx context.Context, pod *corev1.Pod, c corev1.ContainerStatus, text string) string {
	end, previous := c.State.Terminated, false
	if end == nil {
		end, previous = c.LastTerminationState.Terminated, true
	}
	if end != nil {
		text += fmt.Sprintf("; exit code %d (%s)", end.ExitCode, end.Reason)
	}
	text += fmt.Sprintf(", restarted %d times", c.RestartCount)
	if end != nil && end.Message != "" {
		return text + "; its last words: " + strings.TrimSpace(end.Message)
	}
	words, err := w.logs(ctx, pod.Name, c.Name, previous, lastWords)
	switch {
	case err != nil:
		return text + fmt.Sprintf("; its log cannot be read: %v", err)
	case strings.TrimSpace(words) == "":
		return text + "; its log is empty"
	}
	return text + "; its last words: " + strings.TrimSpace(words)
}

// unready tells what the probe of a running container says. A container is
// given the time that its probe allows before it counts as stuck.
func (w *workload) unready(ctx context.Context, pod *corev1.Pod, c corev1.ContainerStatus) why {
	said, err := w.said(ctx, pod.UID, "Unhealthy")
	switch {
	case err != nil:
		return why{"", fmt.Sprintf("container %s is not ready; its events cannot be read: %v", c.Name, err)}
	case said == "":
		return why{"", fmt.Sprintf("container %s is not ready yet", c.Name)}
	}
	return why{capability.StuckProbe, fmt.Sprintf("container %s: %s", c.Name, said)}
}

// said is the last event of an object that has that reason; empty if none.
func (w *workload) said(ctx context.Context, of types.UID, reason string) (string, error) {
	var events corev1.EventList
	err := w.list(ctx, "events", metav1.ListOptions{
		FieldSelector: fields.Set{"involvedObject.uid": string(of), "reason": reason}.String(),
	}, &events)
	if err != nil || len(events.Items) == 0 {
		return "", err
	}
	return slices.MaxFunc(events.Items, func(a, b corev1.Event) int { return a.LastTimestamp.Compare(b.LastTimestamp.Time) }).Message, nil
}
