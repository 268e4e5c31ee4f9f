package local

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/firebreak-ops/firebreak/engine"
)

// decide deals with some inputs of a run, in their order: it decides, stores
// everything in one transaction, and only then lets it take effect. It
// returns what should be open from then on.
//
//nolint:contextcheck,nolintlint // a decision is stored even when nobody waits for it any more
func (rt *Runtime) decide(l *life, items []item) ([]engine.Command, error) {
	if err := rt.load(l); err != nil {
		return nil, rt.answer(l, items, nil, err)
	}
	next, b, errs, err := rt.draft(l, items, nil)
	if err == nil && begins(l.run, next) {
		rt.admitting.Lock()
		defer rt.admitting.Unlock()
		var bar *engine.Bar
		if bar, err = rt.cfg.Bar(context.WithoutCancel(rt.calls), l.run.Facts, l.run.MayChange()); err != nil {
			return nil, rt.answer(l, items, nil, rt.failed(err))
		}
		if bar != nil {
			next, b, errs, err = rt.draft(l, items, bar)
		}
	}
	if err != nil {
		return nil, rt.answer(l, items, nil, err)
	}
	want := engine.Pending(next)
	if len(b.Records) > 0 || len(b.Heard) > 0 {
		b.Head, b.Rest = head(next, want), rest(next, want)
		if err := rt.store(l, next, b); err != nil {
			return nil, rt.answer(l, items, nil, rt.unstored(l, err))
		}
	}
	rt.mu.Lock()
	l.run = next
	rt.mu.Unlock()
	if len(b.Records) > 0 {
		rt.watch.changed(l.id, next.Seq, settled(next, want))
		rt.cfg.Changed(l.id)
	}
	return want, rt.answer(l, items, errs, nil)
}

// draft is what would follow from some inputs of a run, and from what it must
// be told before: that there is a new owner, what it has missed, and the rule
// that bars it from changes, if one does. Nothing is stored.
func (rt *Runtime) draft(l *life, items []item, bar *engine.Bar) (next engine.Run, b Batch, errs []error, err error) {
	now := rt.now()
	next, b, errs = l.run, Batch{Run: l.id, After: l.run.Seq}, make([]error, len(items))
	add := func(in engine.Input) error {
		run, recs, err := engine.Advance(next, in, now)
		next, b.Records = run, append(b.Records, recs...)
		return err
	}
	before := rt.overdue(l.run)
	if bar != nil {
		before = append(before, engine.Barred{Bar: *bar})
	}
	for _, in := range before {
		if next.Ended() {
			break
		}
		if err := add(in); err != nil && !errors.Is(err, engine.ErrStale) {
			return next, b, errs, fmt.Errorf("tell run %s what it has missed: %w", l.id, err)
		}
	}
	for i, it := range items {
		if _, starts := it.in.(engine.Start); next.Seq == 0 && !starts {
			errs[i] = unknown(l.id) // its start was refused a moment ago
		} else if it.in != nil {
			errs[i] = add(it.in)
		}
		b.Pins = append(b.Pins, it.pins...)
		if it.heard != 0 {
			b.Heard = append(b.Heard, it.heard)
		}
	}
	return next, b, errs, nil
}

// ruled reports whether the rules for automation are for a run.
func ruled(f engine.Facts) bool { return f.Requester.Automatic() && f.UndoOf == "" }

// begins reports whether a run of automation begins its first change.
func begins(before, after engine.Run) bool {
	return before.Barrable() && ruled(before.Facts) && len(after.Ledger) > 0
}

// store appends a run's batch. A run that has failed and leaves something
// changed which nobody has verified takes automation off its service, in the same transaction.
func (rt *Runtime) store(l *life, next engine.Run, b Batch) error {
	ctx := context.WithoutCancel(rt.calls)
	if l.run.Ended() || next.Word != engine.FailedDirty || next.Facts.Service == "" {
		return rt.cfg.Journal.Append(ctx, b)
	}
	hold := Order{
		Kind: engine.StopHold, Service: next.Facts.Service, On: true, At: rt.now(),
		By: "firebreak", Reason: fmt.Sprintf("run %s ended %s", next.Facts.ID, next.Word),
	}
	held, err := rt.storeHeld(ctx, b, hold)
	if held && err == nil {
		rt.tellService(ctx, hold)
	}
	return err
}

// storeHeld appends a batch with a hold, unless one stands: whoever is at the
// service stays. It reports whether it was this one.
func (rt *Runtime) storeHeld(ctx context.Context, b Batch, hold Order) (held bool, err error) {
	rt.ordering.Lock()
	defer rt.ordering.Unlock()
	if rt.stands(hold) {
		return false, rt.cfg.Journal.Append(ctx, b)
	}
	b.Order = &hold
	if err := rt.cfg.Journal.Append(ctx, b); err != nil {
		return false, err
	}
	rt.noteOrder(hold)
	return true, nil
}

// unstored is what follows when a run's records could not be stored: the end
// of the runtime, unless the run was to be a new one and is not, or is gone.
func (rt *Runtime) unstored(l *life, err error) error {
	switch {
	case l.run.Seq == 0 && errors.Is(err, ErrSequence):
		return exists(l.id)
	case errors.Is(err, ErrPruned):
		rt.mu.Lock()
		defer rt.mu.Unlock()
		l.loaded = false
		return err
	default:
		return rt.failed(err)
	}
}

// answer tells everybody what became of their input: the failure of all of
// them, or else the error of each. It returns the failure.
func (rt *Runtime) answer(l *life, items []item, errs []error, failure error) error {
	for i, it := range items {
		err := failure
		if err == nil {
			err = errs[i]
		}
		if it.done == nil && err != nil && !errors.Is(err, engine.ErrStale) {
			rt.cfg.Warn(l.id, err)
		}
		it.answer(err)
	}
	return failure
}

// overdue is what a run must be told before anything else: that there is a new
// owner, and orders that it does not know of.
func (rt *Runtime) overdue(r engine.Run) []engine.Input {
	switch {
	case rt.cfg.RecordOnly || r.Seq == 0 || r.Ended():
		return nil
	case r.Generation != rt.tenure.Generation:
		return slices.Concat([]engine.Input{rt.recovered(r)}, rt.missed(r), rt.reported(r))
	default:
		return rt.untold(r)
	}
}

// recovered is what a run of an older generation is told.
func (rt *Runtime) recovered(r engine.Run) engine.Recovered {
	return engine.Recovered{
		Generation: rt.tenure.Generation, Down: rt.tenure.down(r.Generation),
		Pins: rt.cfg.Pins(r.Facts), Roles: rt.cfg.Roles,
	}
}

// load reads a run that is not in memory.
func (rt *Runtime) load(l *life) error {
	if l.loaded {
		return nil
	}
	r, err := rt.replay(rt.calls, l.id)
	if err != nil {
		return err
	}
	open := map[string]bool{}
	if r.Generation != rt.tenure.Generation {
		rt.timers.remove(l.id, alarm) // it will have timers of its own
		for _, cmd := range engine.Pending(r) {
			if c, ok := cmd.(engine.Lock); ok && waits(c) { // asked for when the runs were taken over
				open[c.ID] = true
			}
		}
	} else { // it only waited, so it left memory: what it waits for is open
		for _, cmd := range engine.Pending(r) {
			open[cmd.CommandID()] = true
		}
	}
	rt.mu.Lock()
	l.run, l.loaded, l.open = r, true, open
	rt.mu.Unlock()
	return nil
}

// replay folds a run from its records.
func (rt *Runtime) replay(ctx context.Context, id string) (engine.Run, error) {
	recs, err := rt.cfg.Journal.Load(context.WithoutCancel(ctx), id, 0)
	if errors.Is(err, ErrPruned) {
		return engine.Run{}, err
	}
	if err != nil {
		return engine.Run{}, fmt.Errorf("read run %s: %w", id, err)
	}
	if len(recs) == 0 {
		return engine.Run{}, unknown(id)
	}
	facts, err := facts(recs[0])
	if err != nil {
		return engine.Run{}, fmt.Errorf("read run %s: %w", id, err)
	}
	book, err := rt.books.get(ctx, facts.Pins.Runbook)
	if err != nil {
		return engine.Run{}, fmt.Errorf("read run %s: %w", id, err)
	}
	return engine.Fold(engine.New(book), recs), nil
}

func unknown(run string) error {
	return NewError(ClassNotFound, "there is no run "+run, "`firebreak runs` lists them", nil)
}

// facts are what the first record of every run holds.
func facts(first engine.Record) (engine.Facts, error) {
	if e, ok := first.Event.(engine.RunStarted); ok {
		return e.Facts, nil
	}
	return engine.Facts{}, NewError(ClassUnreadable,
		"its journal begins with "+first.Event.Kind()+" instead of run_started", "restore the state from a backup", nil)
}
