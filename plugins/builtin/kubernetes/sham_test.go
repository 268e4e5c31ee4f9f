package kubernetes

import (
	"context"
	"maps"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/firebreak-ops/firebreak/runbooks/drills/kubelet"
)

// sham runs pods that do nothing. The image and the settings say how:
//
//	:missing       the image cannot be pulled
//	:deaf          it runs, and its probe fails
//	:unconfigured  its container cannot be made
//	mode=bad       it ends with exit code 1 when it reads that
type sham struct {
	mu      sync.Mutex
	started map[string]int // by the pod's name
	serving int            // pods that are ready
	fewest  int            // that served at once since mark
	marked  bool
	slow    int // how often a pod that starts is asked before it is ready
}

func (s *sham) Start(pod *corev1.Pod, settings map[string]string) (kubelet.Process, error) {
	image := pod.Spec.Containers[0].Image
	if strings.HasSuffix(image, ":missing") {
		return nil, &kubelet.Waiting{Reason: "ImagePullBackOff", Message: "no such manifest"}
	}
	if strings.HasSuffix(image, ":unconfigured") {
		return nil, &kubelet.Waiting{Reason: "CreateContainerConfigError", Message: `secret "api" not found`}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started == nil {
		s.started = map[string]int{}
	}
	s.started[pod.Name]++
	p := &process{sham: s, done: make(chan struct{}), deaf: strings.HasSuffix(image, ":deaf"), slow: s.slow}
	if settings["mode"] == "bad" {
		p.code, p.words = 1, "panic: mode bad is not supported\n"
		close(p.done)
		return p, nil
	}
	return p, nil
}

// mark begins to take down the fewest that serve at once, and has those that
// start from now on take their time.
func (s *sham) mark() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marked, s.fewest, s.slow = true, s.serving, 15
}

// pods are the names of all that were ever started.
func (s *sham) pods() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.started)
}

type process struct {
	sham  *sham
	deaf  bool
	slow  int
	ready bool // guarded by the sham's lock
	code  int
	words string
	done  chan struct{}
	once  sync.Once
}

func (p *process) Ready(context.Context) string {
	if p.deaf {
		return "HTTP probe failed with statuscode: 503"
	}
	if p.slow--; p.slow >= 0 {
		return "it is warming up"
	}
	p.sham.mu.Lock()
	defer p.sham.mu.Unlock()
	if !p.ready {
		p.ready = true
		p.sham.serving++
	}
	return ""
}

func (p *process) Set(context.Context, map[string]string) {}
func (p *process) Done() <-chan struct{}                  { return p.done }
func (p *process) End() (int, string)                     { return p.code, p.words }

func (p *process) Stop() {
	if p.code != 0 {
		return
	}
	p.once.Do(func() {
		p.sham.mu.Lock()
		defer p.sham.mu.Unlock()
		if p.ready {
			p.sham.serving--
		}
		if p.sham.marked {
			p.sham.fewest = min(p.sham.fewest, p.sham.serving)
		}
		close(p.done)
	})
}
