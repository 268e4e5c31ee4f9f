package plugins

import "sync"

// bindings holds what is bound, and closes each once it is replaced and its
// last call has ended.
type bindings struct {
	mu     sync.Mutex
	by     map[string]*binding
	open   int           // bindings that are not closed yet
	closed chan struct{} // not nil: nothing more is bound; closed when open is 0
}

type binding struct {
	bound Bound
	users int // guarded by bindings.mu; the map counts as one
}

// put binds, unless everything is being closed; then it closes what it gets.
func (b *bindings) put(id string, bound Bound) {
	b.mu.Lock()
	if b.closed != nil {
		b.mu.Unlock()
		shut(bound)
		return
	}
	if b.by == nil {
		b.by = map[string]*binding{}
	}
	old := b.by[id]
	b.by[id] = &binding{bound: bound, users: 1}
	b.open++
	b.mu.Unlock()
	if old != nil {
		b.release(old)
	}
}

// acquire returns nil when nothing is bound under id.
func (b *bindings) acquire(id string) *binding {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := b.by[id]
	if found != nil {
		found.users++
	}
	return found
}

func (b *bindings) release(used *binding) {
	b.mu.Lock()
	used.users--
	last := used.users == 0
	b.mu.Unlock()
	if !last {
		return
	}
	shut(used.bound)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open--; b.open == 0 && b.closed != nil {
		close(b.closed)
	}
}

// close lets go of every binding. What it returns is closed once each is
// closed, which is when its last call has ended. Call it once.
func (b *bindings) close() <-chan struct{} {
	b.mu.Lock()
	all := b.by
	b.by, b.closed = nil, make(chan struct{})
	if b.open == 0 {
		close(b.closed)
	}
	b.mu.Unlock()
	for _, bound := range all {
		b.release(bound)
	}
	return b.closed
}

// shut closes a binding; what that says matters to nobody any more.
func shut(bound Bound) {
	_, _ = guarded("Close", func() (struct{}, error) { return struct{}{}, bound.Close() })
}
