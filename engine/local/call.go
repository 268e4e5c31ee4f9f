package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// call is a command that is with the executor, or will be.
type call struct {
	cut context.CancelFunc // nil: it is never cut
}

// reconcile starts and stops what follows from a run's new state.
func (rt *Runtime) reconcile(l *life, want []engine.Command) {
	if rt.cfg.RecordOnly {
		return
	}
	if l.run.Ended() || l.run.Locks.State == engine.LocksBroken {
		rt.locks.Release(l.id)
	}
	start, stop := engine.Reconcile(l.open, want)
	for _, id := range stop {
		rt.end(l, id)
	}
	for _, cmd := range start {
		rt.begin(l, cmd)
	}
	parked := true
	for _, cmd := range want {
		parked = parked && waits(cmd)
	}
	rt.mu.Lock()
	l.parked = parked
	rt.mu.Unlock()
}

// waits reports whether a command may be opened any number of times, and
// needs nobody who works on it.
func waits(cmd engine.Command) bool {
	switch c := cmd.(type) {
	case engine.Timer, engine.Ask:
		return true
	case engine.Lock:
		return !c.Try && c.OnLocked == runbook.OnLockedQueue // else somebody must tell it who has them
	default:
		return false
	}
}

// begin opens a command. An Ask needs nothing: it is in the run's state,
// where people look.
func (rt *Runtime) begin(l *life, cmd engine.Command) {
	id := cmd.CommandID()
	l.open[id] = true
	switch c := cmd.(type) {
	case engine.Timer:
		rt.fireAt(l.id, c)
	case engine.Lock:
		rt.lock(l, c)
	case engine.Ask:
	case engine.Read:
		ctx, cut := rt.limited(c)
		if c.NotBefore.After(rt.cfg.Now()) {
			rt.later(ctx, cut, l, c)
			return
		}
		rt.call(ctx, cut, l, cmd)
	case engine.Act, engine.Undo:
		rt.call(context.WithoutCancel(rt.calls), nil, l, cmd)
	case engine.StopCall:
		ctx, cut := context.WithCancel(context.WithoutCancel(rt.calls))
		rt.call(ctx, cut, l, cmd)
	default:
		ctx, cut := context.WithCancel(rt.calls)
		rt.call(ctx, cut, l, cmd)
	}
}

// lock asks for locks, and says who has them where the run does not wait.
func (rt *Runtime) lock(l *life, c engine.Lock) {
	if c.Try {
		if holder := rt.locks.Try(l.id, c.ID, c.Identities); holder != "" {
			rt.tell(l.id, engine.LocksBusy{ID: c.ID, Holder: holder})
		}
		return
	}
	rt.locks.Request(l.id, c.ID, c.Identities)
	if c.OnLocked != runbook.OnLockedQueue {
		rt.busy(l, c)
	}
}

// busy tells a run that does not want to wait who keeps it from its locks, and
// that run that it has been left to it.
func (rt *Runtime) busy(l *life, c engine.Lock) {
	holder := rt.locks.Holder(l.id, c.Identities)
	if holder == "" {
		return
	}
	other, err := rt.Run(rt.calls, holder)
	if err != nil {
		rt.cfg.Warn(l.id, err)
		return
	}
	in := engine.LocksBusy{ID: c.ID, Holder: holder, Same: alike(l.run.Facts, other.Facts)}
	rt.tell(l.id, in)
	if in.Same && c.OnLocked == runbook.OnLockedJoin {
		rt.tell(holder, engine.Joined{Run: l.id, Requester: l.run.Facts.Requester})
	}
}

// Blocker is the run that keeps another from the locks that it has asked for,
// or asked for them before it; empty: none does.
func (rt *Runtime) Blocker(run engine.Run) string {
	return rt.locks.Holder(run.Facts.ID, run.Locks.Identities)
}

// alike reports whether two runs do the same.
func alike(a, b engine.Facts) bool {
	same := func(x, y json.RawMessage) bool { return bytes.Equal(x, y) }
	return a.Pins.Runbook == b.Pins.Runbook && a.Service == b.Service && a.UndoOf == b.UndoOf && maps.EqualFunc(a.Inputs, b.Inputs, same)
}

// fireAt tells a run when the time of one of its timers has come.
func (rt *Runtime) fireAt(run string, c engine.Timer) {
	rt.timers.set(run, c.ID, c.At, func() { rt.tell(run, engine.TimerFired{ID: c.ID}) })
}

// limited is the context of a read: until its deadline, if it has one.
func (rt *Runtime) limited(c engine.Read) (context.Context, context.CancelFunc) {
	if c.Deadline.IsZero() {
		return context.WithCancel(rt.calls)
	}
	return context.WithDeadline(rt.calls, c.Deadline)
}

// later starts a read when its time has come.
func (rt *Runtime) later(ctx context.Context, cut context.CancelFunc, l *life, c engine.Read) {
	rt.mu.Lock()
	l.hold(c.ID, &call{cut: cut})
	rt.mu.Unlock()
	rt.timers.set(l.id, c.ID, c.NotBefore, func() {
		if ctx.Err() == nil {
			rt.call(ctx, cut, l, c)
		}
	})
}

func (l *life) hold(id string, c *call) {
	if l.calls == nil {
		l.calls = map[string]*call{}
	}
	l.calls[id] = c
}

// call gives a command to the executor, unless the runtime is closing: then
// only what is in flight, and waited for, may be asked to stop.
func (rt *Runtime) call(ctx context.Context, cut context.CancelFunc, l *life, cmd engine.Command) {
	c := &call{cut: cut}
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if _, stops := cmd.(engine.StopCall); rt.closing && !stops {
		if cut != nil {
			cut()
		}
		return
	}
	l.hold(cmd.CommandID(), c)
	info := RunInfo{ID: l.id, Generation: rt.tenure.Generation, Facts: l.run.Facts, Report: rt.watch.progress(l.id, cmd.CommandID())}
	if cut == nil {
		rt.mutations.Add(1)
	}
	go func() {
		in := rt.cfg.Executor.Do(ctx, info, cmd)
		if in == nil {
			in = unanswered(cmd)
		}
		rt.returned(ctx, l, cmd.CommandID(), c, in)
		if cut == nil {
			rt.mutations.Done()
		} else {
			cut()
		}
	}()
}

// returned gives a run the answer to one of its calls. The answer to a call
// that was cut matters to nobody.
func (rt *Runtime) returned(ctx context.Context, l *life, id string, c *call, in engine.Input) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if l.calls[id] == c {
		delete(l.calls, id)
	}
	if n, ok := in.(engine.Notified); in == nil ||
		(c.cut != nil && errors.Is(ctx.Err(), context.Canceled) && (!ok || n.Error != "")) {
		return // a notice that did go out is worth recording all the same
	}
	if err := rt.giveLocked(l.id, item{in: in}); err != nil {
		return // closed: the next owner finds what was in flight in doubt
	}
}

// end closes a command that is no longer wanted. A mutation in flight stays
// open until it has returned: it is never cut, and never started again.
func (rt *Runtime) end(l *life, id string) {
	rt.timers.remove(l.id, id)
	rt.locks.Withdraw(l.id, id, l.run.Locks.Holds)
	rt.mu.Lock()
	defer rt.mu.Unlock()
	c := l.calls[id]
	if c != nil && c.cut == nil {
		return
	}
	delete(l.open, id)
	if c != nil {
		delete(l.calls, id)
		c.cut()
	}
}

// unanswered is the answer to a command that an executor did not answer. A
// StopCall has none.
func unanswered(cmd engine.Command) engine.Input {
	f := &engine.Failure{Class: "internal", Reason: "the executor gave no answer"}
	switch c := cmd.(type) {
	case engine.PlanCall:
		return engine.Planned{ID: c.ID, Failure: f}
	case engine.Read:
		return engine.Returned{ID: c.ID, Outcome: engine.Outcome{Failure: f, Effect: engine.EffectNone}}
	case engine.Act:
		return engine.Returned{ID: c.ID, Outcome: engine.Outcome{Failure: f, Effect: engine.EffectUnknown}}
	case engine.Undo:
		return engine.Returned{ID: c.ID, Outcome: engine.Outcome{Failure: f, Effect: engine.EffectUnknown}}
	case engine.Probe:
		return engine.Probed{ID: c.ID, Outcome: engine.Outcome{Failure: f, Effect: engine.EffectUnknown}}
	case engine.Notify:
		return engine.Notified{ID: c.ID, Error: f.Reason}
	default:
		return nil
	}
}
