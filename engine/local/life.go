package local

import (
	"container/list"

	"github.com/firebreak-ops/firebreak/engine"
)

// life is a run in memory. Its fields are guarded by Runtime.mu; run, open
// and parked are written only by the goroutine that advances the run, and
// there is at most one.
type life struct {
	id     string
	queue  []item
	busy   bool // a goroutine advances the run
	loaded bool
	run    engine.Run
	open   map[string]bool  // commands that are open, by id
	calls  map[string]*call // commands that are with the executor, or will be
	parked bool             // all that is open could be opened again: the run may leave memory
	idle   *list.Element
}

// item is an input on its way to a decision.
type item struct {
	in    engine.Input // nil: only look what should be open
	pins  []Pin
	heard int64
	done  chan<- error // with room for the answer; nil: nobody waits
}

func (it item) answer(err error) {
	if it.done != nil {
		it.done <- err
	}
}

// give puts inputs into the queue of a run. What is given together is decided
// before anything comes of it. It does not block.
func (rt *Runtime) give(run string, items ...item) error {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return rt.giveLocked(run, items...)
}

// giveLocked is give with mu held.
//
//nolint:contextcheck,nolintlint // what is given is decided and stored even when its giver no longer waits
func (rt *Runtime) giveLocked(run string, items ...item) error {
	if rt.closed {
		return rt.refusal()
	}
	l := rt.lives[run]
	if l == nil {
		l = &life{id: run}
		rt.lives[run] = l
	}
	l.queue = append(l.queue, items...)
	if !l.busy {
		l.busy = true
		if l.idle != nil {
			rt.idle.Remove(l.idle)
			l.idle = nil
		}
		rt.advances.Add(1)
		go rt.advance(l)
	}
	return nil
}

// tell gives a run what a machine has to say. Nobody waits for what becomes
// of it: the next owner finds out again what is lost here.
func (rt *Runtime) tell(run string, in engine.Input) {
	if err := rt.give(run, item{in: in}); err != nil {
		return
	}
}

// advance deals with a run's inputs until there are none.
func (rt *Runtime) advance(l *life) {
	defer rt.advances.Done()
	for items := rt.take(l); items != nil; items = rt.take(l) {
		if want, err := rt.decide(l, items); err == nil {
			rt.reconcile(l, want)
		}
	}
}

// take returns all inputs that wait. It returns nil, and the run is no longer
// busy, when there are none.
func (rt *Runtime) take(l *life) []item {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if items := l.queue; len(items) > 0 {
		l.queue = nil
		return items
	}
	rt.restLocked(l)
	return nil
}

// restLocked makes room: of the runs that only wait, the longest idle leave
// memory.
func (rt *Runtime) restLocked(l *life) {
	l.busy = false
	if !l.loaded || l.run.Seq == 0 {
		delete(rt.lives, l.id)
		return
	}
	if !l.parked || len(l.calls) > 0 {
		return
	}
	l.idle = rt.idle.PushBack(l)
	for rt.idle.Len() > rt.cfg.Cached {
		old, ok := rt.idle.Remove(rt.idle.Front()).(*life)
		if !ok {
			return
		}
		delete(rt.lives, old.id)
	}
}
