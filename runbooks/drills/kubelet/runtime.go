package kubelet

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
)

// Runtime starts what runs in the place of a pod. Its method may be called
// from many goroutines at once.
type Runtime interface {
	// Start starts it with the settings that the pod's ConfigMaps hold, and
	// does not wait until it is ready. A *Waiting says why it cannot start
	// yet; it is tried again.
	Start(pod *corev1.Pod, settings map[string]string) (Process, error)
}

// Process is one run of a pod.
type Process interface {
	// Ready is what a readiness probe would say; why is empty if it is ready.
	Ready(ctx context.Context) (why string)
	// Set brings other settings to it, as a mounted ConfigMap changes under
	// a running container.
	Set(ctx context.Context, settings map[string]string)
	// Done is closed when it has ended.
	Done() <-chan struct{}
	// End says how it ended: its exit code and its last words.
	End() (code int, words string)
	// Stop ends it, and returns when it has ended.
	Stop()
}

// Creating is the reason of what will be there in a moment.
const Creating = "ContainerCreating"

// Waiting is why a container does not run yet, such as ErrImagePull.
type Waiting struct{ Reason, Message string }

func (w *Waiting) Error() string { return w.Reason + ": " + w.Message }

// waitingOf is how a failed start is told.
func waitingOf(err error) *Waiting {
	if w, ok := errors.AsType[*Waiting](err); ok {
		return w
	}
	return &Waiting{Reason: "RunContainerError", Message: err.Error()}
}
