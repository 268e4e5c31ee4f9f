package plugins

import "sync"

// bindings holds what is bound, and closes each once it is replaced and its
// last call has ended.
type bindings struct {
	mu sync.Mutex
	by map[string]*binding
}

type binding struct {
	bound Bound
	users int // guarded by bindings.mu; the map counts as one
}

func (b *bindings) put(id string, bound Bound) {
	b.mu.Lock()
	if b.by == nil {
		b.by = map[string]*binding{}
	}
	old := b.by[id]
	b.by[id] = &binding{bound: bound, users: 1}
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
	if last {
		_, _ = guarded("Close", func() (struct{}, error) { return struct{}{}, used.bound.Close() })
	}
}

func (b *bindings) close() {
	b.mu.Lock()
	all := b.by
	b.by = nil
	b.mu.Unlock()
	for _, bound := range all {
		b.release(bound)
	}
}
