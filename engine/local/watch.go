package local

import (
	"context"
	"sync"

	"github.com/firebreak-ops/firebreak/engine"
)

// watchers wakes those who follow runs. It keeps no records: a watcher reads
// them from the journal, so that it sees only what is durable and a slow one
// holds up nobody.
type watchers struct {
	mu      sync.Mutex
	records map[string]map[*recordWatch]bool // by run
	live    map[string]map[chan Progress]bool
}

// recordWatch is one watcher of a run's records.
type recordWatch struct {
	wake    chan struct{} // with room for one
	seq     int           // of the last record; guarded by watchers.mu, like settled
	settled bool
}

func newWatchers() *watchers {
	return &watchers{records: map[string]map[*recordWatch]bool{}, live: map[string]map[chan Progress]bool{}}
}

// changed wakes the watchers of a run. seq is that of its last record; settled:
// nothing follows any more.
func (w *watchers) changed(run string, seq int, settled bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for rw := range w.records[run] {
		rw.seq, rw.settled = max(rw.seq, seq), rw.settled || settled
		select {
		case rw.wake <- struct{}{}:
		default: // it is awake already
		}
	}
}

// progress returns how a call reports what it is doing.
func (w *watchers) progress(run, command string) func(Progress) {
	return func(p Progress) {
		p.Run, p.Command = run, command
		w.mu.Lock()
		defer w.mu.Unlock()
		for c := range w.live[run] {
			select {
			case c <- p:
			default: // too slow; what follows is worth more
			}
		}
	}
}

func (w *watchers) last(rw *recordWatch) (seq int, settled bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return rw.seq, rw.settled
}

func add[K comparable](m map[string]map[K]bool, run string, k K) {
	if m[run] == nil {
		m[run] = map[K]bool{}
	}
	m[run][k] = true
}

func remove[K comparable](m map[string]map[K]bool, run string, k K) {
	delete(m[run], k)
	if len(m[run]) == 0 {
		delete(m, run)
	}
}

// Watch returns the records of a run from a number on, those that exist and
// then those to come, as soon as they are durable and [Runtime.Run] shows what
// they say. The channel is closed once
// the run has ended and everybody has been told, when ctx ends, and when the
// runtime stops. A reader may take as long as it likes.
func (rt *Runtime) Watch(ctx context.Context, run string, from int) (<-chan engine.Record, error) {
	rw := &recordWatch{wake: make(chan struct{}, 1)}
	rt.watch.mu.Lock()
	add(rt.watch.records, run, rw)
	rt.watch.mu.Unlock()
	forget := func() {
		rt.watch.mu.Lock()
		defer rt.watch.mu.Unlock()
		remove(rt.watch.records, run, rw)
	}
	r, err := rt.Run(ctx, run)
	if err != nil {
		forget()
		return nil, err
	}
	rt.watch.changed(run, r.Seq, settled(r, engine.Pending(r)))
	out := make(chan engine.Record, 16)
	go func() {
		defer close(out)
		defer forget()
		rt.follow(ctx, run, max(from, 1)-1, rw, out)
	}()
	return out, nil
}

// follow sends a run's records until none will follow.
func (rt *Runtime) follow(ctx context.Context, run string, after int, rw *recordWatch, out chan<- engine.Record) {
	for {
		seq, last := rt.watch.last(rw) // before reading: what is read is then all
		var recs []engine.Record
		if seq > after {
			var err error
			if recs, err = rt.cfg.Journal.Load(ctx, run, after); err != nil {
				if ctx.Err() == nil {
					rt.cfg.Warn(run, err)
				}
				return
			}
		}
		for _, rec := range recs {
			if rec.Seq > seq {
				break // it is stored, and who asks for the run would not see it yet
			}
			select {
			case out <- rec:
				after = rec.Seq
			case <-ctx.Done():
				return
			}
		}
		if last {
			return
		}
		select {
		case <-rw.wake:
		case <-ctx.Done():
			return
		case <-rt.done:
			return
		}
	}
}

// WatchLive returns what the calls of a run say while they go on. It is lost
// on a reader that does not keep up. The channel is closed when ctx ends or
// the runtime stops.
func (rt *Runtime) WatchLive(ctx context.Context, run string) <-chan Progress {
	c := make(chan Progress, 64)
	rt.watch.mu.Lock()
	add(rt.watch.live, run, c)
	rt.watch.mu.Unlock()
	go func() {
		select {
		case <-ctx.Done():
		case <-rt.done:
		}
		rt.watch.mu.Lock()
		defer rt.watch.mu.Unlock()
		remove(rt.watch.live, run, c)
		close(c)
	}()
	return c
}
