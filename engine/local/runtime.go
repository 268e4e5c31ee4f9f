package local

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local/locks"
)

// Runtime drives the runs of one state. Its methods may be called from any
// goroutine at the same time.
type Runtime struct {
	cfg    Config
	tenure Tenure
	books  *books
	locks  *locks.Table
	timers *timers
	watch  *watchers

	calls     context.Context // of everything that may be cut; ends when the runtime closes
	cut       context.CancelFunc
	mutations sync.WaitGroup // acts and undos in flight
	advances  sync.WaitGroup // goroutines that advance a run
	done      chan struct{}  // closed when nothing is recorded any more

	mu       sync.Mutex // guards what follows, and the fields of every life
	lives    map[string]*life
	idle     *list.List // of *life, the longest idle first
	closing  bool       // nothing new begins
	closed   bool       // nothing is recorded any more
	err      error      // why it stopped by itself
	calendar calendar
	orders   []Order // the last about each thing, those that no longer stand included

	admitting sync.Mutex   // held while a run of automation begins, or begins its first change; taken before ordering
	ordering  sync.RWMutex // held to read while a run starts, to write while an order is given
	recording sync.Mutex   // held while what is said is only recorded; guards said
	said      []Said       // that no owner which drives runs has heard
}

// Open takes a state over and returns when every run that had anything in
// flight has been told so, durably, and goes on; one that only waits is told
// when it is next told or asked anything. It blocks for as long as that takes.
// Nothing is left behind when it fails.
func Open(ctx context.Context, cfg Config) (*Runtime, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	tenure, err := cfg.State.Own(ctx, !cfg.RecordOnly)
	if err != nil {
		return nil, fmt.Errorf("take the state over: %w", err)
	}
	rt := &Runtime{
		cfg:    cfg,
		tenure: tenure,
		books:  newBooks(cfg),
		watch:  newWatchers(),
		done:   make(chan struct{}),
		lives:  map[string]*life{},
		idle:   list.New(),
		orders: tenure.Orders,
		said:   tenure.Said,
	}
	rt.locks = locks.New(func(run, id string) { rt.tell(run, engine.LocksGranted{ID: id}) })
	rt.timers = newTimers(cfg.Now)
	rt.calls, rt.cut = context.WithCancel(context.WithoutCancel(ctx))
	if cfg.RecordOnly {
		return rt, nil
	}
	if err := rt.recover(ctx); err != nil {
		rt.shut(err)
		rt.advances.Wait()
		return nil, fmt.Errorf("take the runs over: %w", err)
	}
	return rt, nil
}

// Generation numbers the owners of the state, from 1.
func (rt *Runtime) Generation() int { return rt.tenure.Generation }

// Done is closed when the runtime records nothing any more: after Close, or
// when the journal has failed. Err then tells which.
func (rt *Runtime) Done() <-chan struct{} { return rt.done }

// Err is why the runtime stopped by itself, or nil.
func (rt *Runtime) Err() error {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return rt.err
}

// Close begins nothing new, gives up what only reads, and waits until every
// mutation in flight has ended and is recorded, or until ctx ends. What is
// then still in flight is in doubt for the next owner. It returns the error
// that stopped the runtime, if one did, or ctx's when something was left in
// flight. A second Close does the same.
func (rt *Runtime) Close(ctx context.Context) error {
	rt.mu.Lock()
	rt.closing = true
	rt.mu.Unlock()
	rt.cut()
	rt.timers.stop()

	ended := make(chan struct{})
	go func() {
		rt.mutations.Wait()
		close(ended)
	}()
	var left error
	select {
	case <-ended:
	case <-rt.done:
	case <-ctx.Done():
		left = fmt.Errorf("close with a mutation in flight, which the next owner will find in doubt: %w", ctx.Err())
	}
	first := rt.shut(nil)
	rt.advances.Wait()
	if first {
		close(rt.done)
	}
	if err := rt.Err(); err != nil {
		return err
	}
	return left
}

// shut takes nothing more; err is why, nil when the runtime was asked to
// close. It reports whether it is the first to do so.
func (rt *Runtime) shut(err error) bool {
	rt.mu.Lock()
	first := !rt.closed
	rt.closed, rt.closing = true, true
	if rt.err == nil {
		rt.err = err
	}
	rt.mu.Unlock()
	rt.cut()
	rt.timers.stop()
	return first
}

// failed stops the runtime because something could not be recorded.
func (rt *Runtime) failed(err error) error {
	e := NewError(ClassJournal, "what happens can no longer be recorded, so nothing goes on",
		"put right what the error names, then start firebreak again: every run goes on from its last record", err)
	if rt.shut(e) {
		close(rt.done)
	}
	return e
}

// refusal is why nothing can be given to the runtime any more. mu is held.
func (rt *Runtime) refusal() error {
	if rt.err != nil {
		return rt.err
	}
	return NewError(ClassClosed, "this owner is closing", "start or resume firebreak, then say it again", nil)
}

// now is the time of the next decision. It survives a journal unchanged.
func (rt *Runtime) now() time.Time {
	return rt.cfg.Now().UTC().Round(0).Truncate(time.Microsecond)
}
