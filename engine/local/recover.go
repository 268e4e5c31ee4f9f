package local

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firebreak-ops/firebreak/engine"
)

// recovery is what taking the runs over leaves to be done once every run has
// been told, and before anything begins.
type recovery struct {
	mu    sync.Mutex
	calls []string // runs that have something to call
	locks []wish
}

// wish is a run that waits for locks.
type wish struct {
	run, id    string
	identities []string
	started    time.Time
}

// recover takes over every run that has not settled. First every one of them
// is told so, durably: what an older generation had in flight is unknown from
// then on, and a halt or a hold stands that was said in the meantime. Only then does anything begin: what people have said in the
// meantime first, then locks for the oldest run first, calls, and timers.
func (rt *Runtime) recover(ctx context.Context) error {
	heads, err := rt.Runs(ctx, Filter{Unsettled: true})
	if err != nil {
		return err
	}
	var rec recovery
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(64) // enough for one commit to serve many
	for _, h := range heads {
		g.Go(func() error { return rt.recoverRun(gctx, h.ID, &rec) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, s := range rt.tenure.Said {
		in, err := decode(s)
		if err != nil {
			rt.cfg.Warn(s.Run, err)
			continue
		}
		if err := rt.give(s.Run, item{in: in, heard: s.N}); err != nil {
			return err
		}
	}
	slices.SortFunc(rec.locks, func(a, b wish) int {
		return cmp.Or(a.started.Compare(b.started), cmp.Compare(a.run, b.run))
	})
	for _, w := range rec.locks {
		rt.locks.Request(w.run, w.id, w.identities)
	}
	for _, run := range rec.calls {
		if err := rt.give(run, item{}); err != nil {
			return err
		}
	}
	rt.timers.start()
	return nil
}

// recoverRun tells one run that it has been taken over. A run that cannot be
// read is reported and left alone with its locks: the others need not suffer,
// and must not change what it may have left half done.
func (rt *Runtime) recoverRun(ctx context.Context, id string, rec *recovery) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l := &life{id: id}
	want, err := rt.decide(l, nil)
	if failure := rt.Err(); failure != nil {
		return failure
	}
	if err != nil {
		rt.cfg.Warn(id, err)
		rt.keepLocks(ctx, id)
		return nil
	}
	r := l.run
	if r.Locks.State == engine.LocksHeld && !r.Ended() {
		rt.locks.Restore(id, r.Locks.Identities)
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	works := slices.ContainsFunc(want, func(c engine.Command) bool { return !waits(c) })
	for _, cmd := range want {
		switch c := cmd.(type) {
		case engine.Lock:
			rec.locks = append(rec.locks, wish{id, c.ID, c.Identities, r.StartedAt})
			l.open[c.ID] = true
		case engine.Timer:
			if !works {
				rt.fireAt(id, c)
			}
		}
	}
	if !works {
		return nil // it only waits, and need not be in memory for that
	}
	rec.calls = append(rec.calls, id)
	rt.mu.Lock()
	rt.lives[id] = l
	rt.mu.Unlock()
	return nil
}

// keepLocks restores the locks of a run whose records can be read and whose
// runbook cannot.
func (rt *Runtime) keepLocks(ctx context.Context, id string) {
	recs, err := rt.cfg.Journal.Load(ctx, id, 0)
	if err != nil {
		return // it has been said already that the run cannot be read
	}
	var wanted, held []string
	for _, rec := range recs {
		switch e := rec.Event.(type) {
		case engine.LocksWanted:
			wanted = e.Identities
		case engine.LocksTaken:
			held = wanted
		case engine.RunEnded, engine.LockBroken:
			held = nil
		}
	}
	rt.locks.Restore(id, held)
}
