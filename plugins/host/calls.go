package host

import "sync"

// maxEarly bounds how many calls can be cancelled before they begin.
const maxEarly = 1024

// calls knows the running calls, those that were cancelled before they
// began, and those that were cut and may go on in their process.
type calls struct {
	mu    sync.Mutex
	by    map[string]*running
	early map[string]bool
	order []string // of early, oldest first
	cut   map[string]*process
}

// running is a call in flight.
type running struct {
	stopped bool     // guarded by calls.mu
	process *process // nil until it is sent; guarded by calls.mu
}

func newCalls() *calls {
	return &calls{by: map[string]*running{}, early: map[string]bool{}, cut: map[string]*process{}}
}

// begin registers a call. It returns nil when one of that id is running.
func (c *calls) begin(id string) *running {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[id] != nil {
		return nil
	}
	call := &running{stopped: c.early[id]}
	c.by[id] = call
	return call
}

func (c *calls) end(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.by, id)
}

// send says whether the call may be sent to p: not when it was cancelled.
// From then on, cancelling reaches p.
func (c *calls) send(call *running, p *process) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if call.stopped {
		return false
	}
	call.process = p
	return true
}

// stop marks the call, which may be yet to come, as cancelled, and returns
// the process to tell of it, if there is one.
func (c *calls) stop(id string) *process {
	c.mu.Lock()
	defer c.mu.Unlock()
	if call := c.by[id]; call != nil {
		call.stopped = true
		return call.process
	}
	if !c.early[id] {
		if len(c.order) == maxEarly {
			delete(c.early, c.order[0])
			c.order = c.order[1:]
		}
		c.early[id] = true
		c.order = append(c.order, id)
	}
	return nil
}

// abandon remembers a call that was cut while it may go on in p.
func (c *calls) abandon(id string, p *process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for other, its := range c.cut {
		if its.isGone() {
			delete(c.cut, other)
		}
	}
	c.cut[id] = p
}

// unfinished is where a call runs, or was cut and may still go on; nil: it
// does neither.
func (c *calls) unfinished(id string) *process {
	c.mu.Lock()
	defer c.mu.Unlock()
	if call := c.by[id]; call != nil && call.process != nil {
		return call.process
	}
	if p := c.cut[id]; p != nil && !p.isGone() {
		return p
	}
	return nil
}

func (c *calls) settle(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.cut, id)
}
