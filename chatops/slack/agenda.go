package slack

import (
	"context"
	"sync"
)

// agenda is the runs that are to be looked at, each once: those that have
// changed before those of which it is only not known what was told.
type agenda struct {
	more chan struct{} // something is on it

	mu      sync.Mutex
	changed []string
	old     []string
	on      map[string]bool // true: it is among the changed
}

func newAgenda() *agenda {
	return &agenda{more: make(chan struct{}, 1), on: map[string]bool{}}
}

// change puts a run on it that has changed. It does not block.
func (a *agenda) change(run string) {
	a.mu.Lock()
	if !a.on[run] {
		a.on[run] = true
		a.changed = append(a.changed, run)
	}
	a.mu.Unlock()
	select {
	case a.more <- struct{}{}:
	default: // it looks anyway
	}
}

// add puts runs on it that may have been told.
func (a *agenda) add(runs []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, run := range runs {
		if _, there := a.on[run]; !there {
			a.on[run] = false
			a.old = append(a.old, run)
		}
	}
}

// take takes the next run off; false: there is none.
func (a *agenda) take() (run string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.changed) > 0 {
		run, a.changed = a.changed[0], a.changed[1:]
		delete(a.on, run)
		return run, true
	}
	for len(a.old) > 0 {
		run, a.old = a.old[0], a.old[1:]
		if changed, there := a.on[run]; there && !changed {
			delete(a.on, run)
			return run, true
		}
	}
	return "", false
}

// next waits for the next run; false: ctx has ended.
func (a *agenda) next(ctx context.Context) (run string, ok bool) {
	for ctx.Err() == nil {
		if run, ok := a.take(); ok {
			return run, true
		}
		select {
		case <-a.more:
		case <-ctx.Done():
		}
	}
	return "", false
}
