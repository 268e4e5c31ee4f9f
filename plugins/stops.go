package plugins

import "sync"

// maxEarlyStops bounds how many calls can be stopped before they arrive.
const maxEarlyStops = 1024

// stops knows the running calls and those that were stopped before they
// arrived: a Cancel may overtake the Run that it means.
type stops struct {
	mu      sync.Mutex
	running map[string]*stopper
	early   map[string]bool
	order   []string // of early, oldest first
}

type stopper struct {
	stop    chan struct{}
	stopped bool
}

// begin registers a call and returns its Stop channel; it is false when a
// call of that id is running.
func (s *stops) begin(id string) (<-chan struct{}, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.running[id]; ok {
		return nil, false
	}
	if s.running == nil {
		s.running, s.early = map[string]*stopper{}, map[string]bool{}
	}
	call := &stopper{stop: make(chan struct{})}
	s.running[id] = call
	if s.early[id] {
		call.close()
	}
	return call.stop, true
}

func (s *stops) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, id)
}

// stop closes the Stop channel of the call, now or when it begins, and says
// whether the call is running.
func (s *stops) stop(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if call, ok := s.running[id]; ok {
		call.close()
		return true
	}
	if s.early == nil {
		s.running, s.early = map[string]*stopper{}, map[string]bool{}
	}
	if !s.early[id] {
		if len(s.order) == maxEarlyStops {
			delete(s.early, s.order[0])
			s.order = s.order[1:]
		}
		s.early[id] = true
		s.order = append(s.order, id)
	}
	return false
}

func (c *stopper) close() {
	if !c.stopped {
		c.stopped = true
		close(c.stop)
	}
}
