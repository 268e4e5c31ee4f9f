package local

import (
	"cmp"
	"context"
	"fmt"
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

// recover takes over every run that has not settled. What an older generation
// had in flight is unknown: first every run of which anything may have been
// is told so, durably. One that only waits is told when it is next told or
// asked anything. Only then does anything begin: what people have said in the
// meantime first, then locks for the oldest run first, calls, and timers.
func (rt *Runtime) recover(ctx context.Context) error {
	var rec recovery
	var look []string
	others := resting{rt: rt, pins: map[string]bool{}}
	err := rt.cfg.State.Unsettled(ctx, func(run string, r *Rest) error {
		if others.undisturbed(run, r) {
			rt.leave(run, r, &rec)
		} else {
			look = append(look, run)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("find the runs that have not ended: %w", err)
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(64) // enough for one commit to serve many
	for _, run := range look {
		g.Go(func() error { return rt.recoverRun(gctx, run, &rec) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := rt.hearAll(ctx); err != nil {
		return err
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

// hearAll gives every run what people have said to it while nobody drove it,
// all of it at once: a yes that was taken back again begins nothing.
func (rt *Runtime) hearAll(ctx context.Context) error {
	heard := map[string][]item{}
	var runs []string // in the order in which they were first spoken to
	for _, s := range rt.tenure.Said {
		it := item{heard: s.N}
		if rt.overtaken(ctx, s) {
			rt.cfg.Warn(s.Run, NewError(ClassInvalid, "an undo that was said before everything, or its service, was stopped does not count any more",
				"say it again: `firebreak undo "+s.Run+"`", nil))
		} else {
			in, err := decode(s)
			if err != nil {
				rt.cfg.Warn(s.Run, err)
				continue
			}
			it.in = in
		}
		if heard[s.Run] == nil {
			runs = append(runs, s.Run)
		}
		heard[s.Run] = append(heard[s.Run], it)
	}
	for _, run := range runs {
		if err := rt.give(run, heard[run]...); err != nil {
			return err
		}
	}
	return nil
}

// overtaken reports whether a person's word to undo a run is older than a stop
// that stands: a word passes only those that stood when it was given.
func (rt *Runtime) overtaken(ctx context.Context, s Said) bool {
	if s.Kind != saidUndo {
		return false
	}
	r, err := rt.replay(ctx, s.Run)
	if err != nil {
		return false // who gives it to the run says so
	}
	return slices.ContainsFunc(rt.Stops(r.Facts.Service), func(stop engine.Stop) bool { return stop.At.After(s.At) })
}

// alarm is the name of the timer of a run that was left alone; no command has
// it.
const alarm = ""

// leave does for a run that only waits what must be done without it.
func (rt *Runtime) leave(run string, r *Rest, rec *recovery) {
	rt.locks.Restore(run, r.Held)
	if due := r.due(rt.tenure.down(r.Generation)); !due.IsZero() {
		rt.timers.set(run, alarm, due, func() { rt.look(run) })
	}
	if r.Wish != nil {
		rec.locks = append(rec.locks, wish{run, r.Wish.ID, r.Wish.Identities, r.StartedAt})
	}
}

// look lets a run do what it has to, if anything.
func (rt *Runtime) look(run string) {
	if err := rt.give(run, item{}); err != nil {
		return // closed: the next owner looks
	}
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
			if !waits(c) {
				continue // it is asked for again, and answered
			}
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
		case engine.LockAdded:
			held = append(slices.Clip(held), e.Identity)
		case engine.RunEnded, engine.LockBroken:
			held = nil
		}
	}
	rt.locks.Restore(id, held)
}
