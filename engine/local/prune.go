package local

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrPruned says that a run was pruned: a tombstone is all that is left.
var ErrPruned = errors.New("the run was pruned")

// Pruning says which runs are given up, and on whose word.
type Pruning struct {
	Before time.Time // they had ended by then
	At     time.Time // now
	By     string
	Reason string
}

// Pruned is what became of a pruning.
type Pruned struct {
	Runs    []string // that are gone, but for their tombstones
	Records int      // of theirs
	Kept    []string // runs whose records are not as they were written
}

// Prune gives whole runs up that ended before a time and of which nothing is
// left to be done, and the bytes that no other run refers to. A tombstone
// stays of each: its number of records, the hash of the last one, when it was
// pruned, by whom and why. Runs whose records are not as they were written
// are kept. It returns when that is durable.
func (rt *Runtime) Prune(ctx context.Context, before time.Time, by, reason string) (Pruned, error) {
	p, err := rt.cfg.State.Prune(ctx, Pruning{Before: before, At: rt.now(), By: by, Reason: reason})
	rt.mu.Lock()
	defer rt.mu.Unlock()
	for _, run := range p.Runs {
		if l := rt.lives[run]; l != nil && l.idle != nil {
			rt.idle.Remove(l.idle)
			delete(rt.lives, run)
		}
	}
	if err != nil {
		return p, fmt.Errorf("prune runs: %w", err)
	}
	return p, nil
}
