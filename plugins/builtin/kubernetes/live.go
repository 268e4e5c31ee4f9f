package kubernetes

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/firebreak-ops/firebreak/plugins"
)

// live waits until every pod of the Deployment is ready and runs with the
// settings: it is of the version that names them, or has started in a later
// second than that in which they were written. False without an error: not within the time, or
// nobody says what runs them.
func (s *settings) live(ctx context.Context, stop <-chan struct{}, d time.Duration, at *corev1.ConfigMap, to plugins.Stream) (bool, error) {
	if d <= 0 || s.deployment == "" {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	w := &workload{cluster: s.cluster, deployment: s.deployment}
	written, _ := lastWrite(at)
	fixed := isImmutable(at)
	said := -1
	for {
		f, err := w.fleet(ctx)
		if err == nil {
			n := 0
			for i := range f.pods {
				if ready(&f.pods[i]) && (fixed || startedAt(&f.pods[i]).After(written)) {
					n++
				}
			}
			if n != said {
				said = n
				to.Progress(n, desired(f.deployment), fmt.Sprintf("%d of %d pods run with it", n, desired(f.deployment)))
			}
			if n == desired(f.deployment) && f.complete() {
				return true, nil
			}
		}
		if stopped(stop) || !pause(ctx, poll) {
			return false, err
		}
	}
}
