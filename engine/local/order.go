package local

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/firebreak-ops/firebreak/engine"
)

// Order stops every new mutation of every run that it is about, those to come
// included, or no longer does; restarts change nothing about it. It returns
// when that is durable and every open run has been told.
func (rt *Runtime) Order(ctx context.Context, o Order) error {
	o.At = rt.now()
	if err := rt.storeOrder(context.WithoutCancel(ctx), o); err != nil {
		return err
	}
	if rt.cfg.RecordOnly {
		return nil // the next owner tells the runs
	}
	open, err := rt.concerned(ctx, o)
	if err != nil {
		return err
	}
	answers := make(chan error, len(open))
	for _, run := range open {
		if err := rt.giveOpen(run, item{in: o.input(), done: answers}); err != nil {
			return err
		}
	}
	var failures []error
	for range open {
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

// concerned are the runs that an order is for.
func (rt *Runtime) concerned(ctx context.Context, o Order) ([]string, error) {
	heads, err := rt.Runs(ctx, Filter{Unsettled: true, Service: o.Service})
	if err != nil {
		return nil, err
	}
	var open []string
	for _, h := range heads {
		if h.Phase != engine.PhaseEnded { // else only its notices are open
			open = append(open, h.ID)
		}
	}
	return open, nil
}

// tellService passes an order on that a run's end has given. Who is not told
// now, because the journal cannot be read, is when it is taken over next.
func (rt *Runtime) tellService(ctx context.Context, o Order) {
	open, err := rt.concerned(ctx, o)
	if err != nil {
		rt.cfg.Warn("", err)
	}
	for _, run := range open {
		rt.tell(run, o.input())
	}
}

// stands reports whether an order like this one does.
func (rt *Runtime) stands(o Order) bool {
	return slices.ContainsFunc(rt.Orders(), func(old Order) bool { return old.stop().Is(o.stop()) })
}

// Orders returns what stands, in the order in which it was said.
func (rt *Runtime) Orders() []Order {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(rt.orders), func(o Order) bool { return !o.On })
}

// Stops are the orders that a run of a service is stopped by.
func (rt *Runtime) Stops(service string) []engine.Stop {
	var out []engine.Stop
	for _, o := range rt.Orders() {
		if o.Service == "" || o.Service == service {
			out = append(out, o.stop())
		}
	}
	return out
}

func (o Order) stop() engine.Stop {
	return engine.Stop{Kind: o.Kind, Service: o.Service, By: o.By, Reason: o.Reason, At: o.At}
}

// input is what a run is told that does not know of the order.
func (o Order) input() engine.Input {
	switch {
	case !o.On:
		return engine.Lift{By: o.By, Kind: o.Kind, Service: o.Service}
	case o.Kind == engine.StopHold:
		return engine.Hold{By: o.By, Reason: o.Reason, Service: o.Service}
	default:
		return engine.Halt{By: o.By, Reason: o.Reason, Service: o.Service}
	}
}

// missed are the orders that a run has not been told, or not been told the
// end of.
func (rt *Runtime) missed(r engine.Run) []engine.Input {
	out := rt.untold(r)
	for _, s := range rt.Stops(r.Facts.Service) {
		i := slices.IndexFunc(r.Stops, s.Is)
		if i >= 0 && s.At.After(r.Stops[i].At) { // another one: what people said under the first does not pass it
			again := Order{Kind: s.Kind, Service: s.Service, On: true, By: s.By, Reason: s.Reason}
			out = append(out, engine.Lift{By: s.By, Kind: s.Kind, Service: s.Service}, again.input())
		}
	}
	return out
}

// untold are the orders that a run of this owner does not know of, or does not
// know to be over: telling it has failed, or its turn has not come. Whatever it
// is given, it is told them first.
func (rt *Runtime) untold(r engine.Run) []engine.Input {
	var out []engine.Input
	stand := rt.stops(r.Facts)
	for _, s := range r.Stops {
		stands := slices.ContainsFunc(stand, func(now engine.Stop) bool { return same(s, now) })
		switch {
		case stands:
		case s.Kind == engine.StopHalt, s.Kind == engine.StopHold:
			out = append(out, engine.Lift{By: rt.saidBy(s), Kind: s.Kind, Service: s.Service})
		case s.Kind == engine.StopFreeze:
			out = append(out, engine.Lift{By: s.By, Kind: s.Kind, Service: s.Service})
		}
	}
	for _, s := range stand {
		switch known := slices.ContainsFunc(r.Stops, func(was engine.Stop) bool { return same(was, s) }); {
		case known:
		case s.Kind == engine.StopFreeze:
			out = append(out, engine.Freeze{Stop: s})
		default:
			out = append(out, Order{Kind: s.Kind, Service: s.Service, On: true, By: s.By, Reason: s.Reason}.input())
		}
	}
	return out
}

// storeOrder makes an order durable, and every later start sees it.
func (rt *Runtime) storeOrder(ctx context.Context, o Order) error {
	rt.ordering.Lock()
	defer rt.ordering.Unlock()
	if err := rt.cfg.State.SetOrder(ctx, o); err != nil {
		return rt.failed(err)
	}
	rt.noteOrder(o)
	return nil
}

// noteOrder replaces what was said last about the same. ordering is held.
func (rt *Runtime) noteOrder(o Order) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.orders = append(slices.DeleteFunc(rt.orders, func(old Order) bool { return old.stop().Is(o.stop()) }), o)
}

// saidBy is who gave the last order about what a stop is about.
func (rt *Runtime) saidBy(s engine.Stop) string {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	for _, o := range rt.orders {
		if o.stop().Is(s) {
			return o.By
		}
	}
	return ""
}
