package local

import (
	"context"
	"errors"

	"github.com/firebreak-ops/firebreak/engine"
)

// Changed tells every open run of a service of a change that somebody else has
// made to it, and that [Config.Reported] returns from then on. It returns when
// each has been told.
func (rt *Runtime) Changed(ctx context.Context, service string, c engine.ServiceChange) error {
	if rt.cfg.RecordOnly {
		return nil // the next owner tells the runs
	}
	rt.ordering.Lock() // no run begins beside this one and is not told
	open, err := rt.concerned(ctx, Order{Service: service})
	rt.ordering.Unlock()
	if err != nil {
		return err
	}
	for _, run := range open {
		if err := rt.Give(ctx, run, engine.ChangeMade{Change: c}); err != nil && !errors.Is(err, engine.ErrStale) {
			return err
		}
	}
	return nil
}

// reported are the changes that others have made to the service of a run since
// it began. Those that it has been told of are no news to it.
func (rt *Runtime) reported(r engine.Run) []engine.Input {
	if r.Facts.Service == "" {
		return nil
	}
	all, err := rt.cfg.Reported(rt.calls, r.Facts.Service, r.StartedAt)
	if err != nil {
		rt.cfg.Warn(r.Facts.ID, err)
	}
	out := make([]engine.Input, 0, len(all))
	for _, c := range all {
		out = append(out, engine.ChangeMade{Change: c})
	}
	return out
}
