package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/firebreak-ops/firebreak/engine"
)

// Give gives a run an input and returns when what follows from it is durable.
// It returns an [*engine.Refusal] when the person may not do that (which is
// recorded, too), [engine.ErrStale] when it no longer matters, an error of
// class not_found for an unknown run, and the runtime's error once it has
// stopped. When ctx ends first, the input may yet take effect.
//
// A runtime that only records checks the input against the run as it stands,
// records a refusal, and keeps everything else for the next owner.
func (rt *Runtime) Give(ctx context.Context, run string, in engine.Input) error {
	if in == nil {
		return NewError(ClassInvalid, "nothing was given to run "+run, "", nil)
	}
	if rt.cfg.RecordOnly {
		return rt.record(ctx, run, in)
	}
	return rt.ask(ctx, run, item{in: in})
}

// ask gives an item to a run and waits for the answer.
func (rt *Runtime) ask(ctx context.Context, run string, it item) error {
	done := make(chan error, 1)
	it.done = done
	if err := rt.giveOpen(run, it); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait for run %s: %w", run, ctx.Err())
	}
}

// giveOpen gives a run what somebody outside asks for, which a runtime that
// is closing no longer takes.
func (rt *Runtime) giveOpen(run string, it item) error {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.closing {
		return rt.refusal()
	}
	return rt.giveLocked(run, it)
}

// record checks and stores what a person says to a run that nobody drives,
// one after the other: each is checked against the run as what was said before will leave it.
func (rt *Runtime) record(ctx context.Context, run string, in engine.Input) error {
	person, ok := in.(engine.Person)
	if !ok {
		return NewError(ClassInvalid, fmt.Sprintf("%T is not what a person says, and no owner drives run %s", in, run), "", nil)
	}
	rt.recording.Lock()
	defer rt.recording.Unlock()
	r, err := rt.replay(ctx, run)
	if err != nil {
		return err
	}
	recs, err := engine.Decide(rt.withSaid(r), in, rt.now())
	var refused *engine.Refusal
	switch {
	case errors.As(err, &refused):
		return rt.recordRefusal(ctx, r, recs, err)
	case err != nil:
		return err
	}
	said, err := encode(person)
	if err != nil {
		return err
	}
	said.Run, said.At = run, rt.now()
	if err := rt.cfg.State.Say(context.WithoutCancel(ctx), said); err != nil {
		return rt.failed(err)
	}
	rt.said = append(rt.said, said)
	return nil
}

// withSaid is a run as it will be once the next owner has heard what people
// have said to it.
func (rt *Runtime) withSaid(r engine.Run) engine.Run {
	for _, s := range rt.said {
		if s.Run != r.Facts.ID {
			continue
		}
		in, err := decode(s)
		if err != nil {
			continue // the next owner says so
		}
		r, _, _ = engine.Advance(r, in, s.At) // what is refused then is recorded then
	}
	return r
}

// recordRefusal stores that a person was refused, and nothing that the run
// would do beyond it.
func (rt *Runtime) recordRefusal(ctx context.Context, r engine.Run, recs []engine.Record, refused error) error {
	if len(recs) == 0 || recs[0].Event.Kind() != (engine.InputRefused{}).Kind() {
		return refused
	}
	recs[0].Seq = r.Seq + 1 // what was said and is not yet heard has no records
	next := engine.Apply(r, recs[0])
	want := engine.Pending(next)
	b := Batch{Run: r.Facts.ID, After: r.Seq, Records: recs[:1], Head: head(next, want), Rest: rest(next, want)}
	if err := rt.cfg.Journal.Append(context.WithoutCancel(ctx), b); err != nil {
		return rt.failed(err)
	}
	return refused
}

// Run returns a run as it stands; one that does not know of this owner yet is
// told first. The value is the caller's; nothing that it refers to ever
// changes.
func (rt *Runtime) Run(ctx context.Context, id string) (engine.Run, error) {
	if r, ok := rt.inMemory(id); ok {
		return r, nil
	}
	r, err := rt.replay(ctx, id)
	if err != nil || rt.cfg.RecordOnly || r.Ended() || r.Generation == rt.tenure.Generation {
		return r, err
	}
	if err := rt.ask(ctx, id, item{}); err != nil {
		return r, err
	}
	return rt.replay(ctx, id)
}

func (rt *Runtime) inMemory(id string) (engine.Run, bool) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if l := rt.lives[id]; l != nil && l.loaded && l.run.Seq > 0 {
		return l.run, true
	}
	return engine.Run{}, false
}

// Runs lists runs, newest first.
func (rt *Runtime) Runs(ctx context.Context, f Filter) ([]engine.Head, error) {
	heads, err := rt.cfg.Journal.Heads(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	return heads, nil
}
