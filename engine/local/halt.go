package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/firebreak-ops/firebreak/engine"
)

// Halt stops every new mutation of every run, those to come included, until
// it is lifted; restarts do not lift it. It returns when that is durable and
// every open run has been told.
func (rt *Runtime) Halt(ctx context.Context, by, reason string) error {
	return rt.setHalt(ctx, Halt{On: true, By: by, Reason: reason}, engine.Halt{By: by, Reason: reason})
}

// Lift ends the halt of everything. It returns when that is durable and every
// open run has been told.
func (rt *Runtime) Lift(ctx context.Context, by string) error {
	return rt.setHalt(ctx, Halt{By: by}, engine.Lift{By: by})
}

// Halted returns the halt of everything, or nil.
func (rt *Runtime) Halted() *engine.Stop {
	return rt.halted().stop()
}

func (rt *Runtime) halted() Halt {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return rt.halt
}

func (h Halt) stop() *engine.Stop {
	if !h.On {
		return nil
	}
	return &engine.Stop{Kind: "halt", By: h.By, Reason: h.Reason, At: h.At}
}

// input is what a run is told that does not know of the halt, or of its end.
func (h Halt) input() engine.Input {
	if h.On {
		return engine.Halt{By: h.By, Reason: h.Reason}
	}
	return engine.Lift{By: h.By}
}

func (rt *Runtime) setHalt(ctx context.Context, h Halt, in engine.Input) error {
	h.At = rt.now()
	if err := rt.storeHalt(context.WithoutCancel(ctx), h); err != nil {
		return err
	}
	if rt.cfg.RecordOnly {
		return nil // the next owner tells the runs
	}
	open, err := rt.Runs(ctx, Filter{Unsettled: true})
	if err != nil {
		return err
	}
	answers := make(chan error, len(open))
	asked := 0
	for _, h := range open {
		if h.Phase == engine.PhaseEnded {
			continue // only its notices are open
		}
		if err := rt.giveOpen(h.ID, item{in: in, done: answers}); err != nil {
			return err
		}
		asked++
	}
	var failures []error
	for range asked {
		select {
		case err := <-answers:
			var refused *engine.Refusal
			if err != nil && !errors.Is(err, engine.ErrStale) && !errors.As(err, &refused) {
				failures = append(failures, err)
			}
		case <-ctx.Done():
			return fmt.Errorf("tell every run: %w", ctx.Err())
		}
	}
	return errors.Join(failures...)
}

// storeHalt makes a halt, or its end, durable, and every later start sees it.
func (rt *Runtime) storeHalt(ctx context.Context, h Halt) error {
	rt.halting.Lock()
	defer rt.halting.Unlock()
	if err := rt.cfg.State.SetHalt(ctx, h); err != nil {
		return rt.failed(err)
	}
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.halt = h
	return nil
}
