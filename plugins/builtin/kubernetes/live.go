package kubernetes

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/firebreak-ops/firebreak/plugins"
)

// live waits until every pod of the service is ready and runs with the
// settings: it is of the version that names them, or has started in a later
// second than that in which they were written. False without an error: not within the time, or
// nobody says what runs them.
func (s *settings) live(ctx context.Context, stop <-chan struct{}, d time.Duration, at *corev1.ConfigMap, to plugins.Stream) (bool, error) {
	if d <= 0 || s.ref.name == "" {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	written, _ := lastWrite(at)
	fixed := isImmutable(at)
	said := -1
	for {
		f, err := s.fleet(ctx, s.ref)
		if err == nil {
			n := 0
			for i := range f.pods {
				if ready(&f.pods[i]) && (fixed || startedAt(&f.pods[i]).After(written)) {
					n++
				}
			}
			if n != said {
				said = n
				to.Progress(n, f.set.replicas, fmt.Sprintf("%d of %d pods run with it", n, f.set.replicas))
			}
			if n == f.set.replicas && f.set.complete {
				return true, nil
			}
		}
		if stopped(stop) || !pause(ctx, poll) {
			return false, err
		}
	}
}
