package local

import (
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/policy"
)

// calendar is the freezes that stand, as they were looked up last. Runtime.mu
// guards it.
type calendar struct {
	stand []policy.Frozen
	next  time.Time // when they may be others; zero: not by themselves
	known bool
}

// Freezes returns the freezes that stand.
func (rt *Runtime) Freezes() []policy.Frozen {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	now := rt.now()
	if c := &rt.calendar; !c.known || !c.next.IsZero() && !now.Before(c.next) {
		c.stand, c.next = rt.cfg.Freezes(now)
		c.known = true
		if !c.next.IsZero() {
			rt.timers.set("", freezeTimer, c.next, rt.Refreeze)
		}
	}
	return slices.Clone(rt.calendar.stand)
}

// freezeTimer is the name of the timer that goes off when freezes may begin or
// end; no run has an empty name.
const freezeTimer = "freezes"

// Refreeze looks up which freezes stand, and lets every open run know. It does
// not block: a run that is given anything before it is told is told first.
func (rt *Runtime) Refreeze() {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.calendar.known = false
	if rt.closing || rt.cfg.RecordOnly {
		return
	}
	rt.advances.Go(func() {
		rt.Freezes()
		open, err := rt.concerned(rt.calls, Order{})
		if err != nil {
			rt.cfg.Warn("", err) // each is told when it is given something
		}
		for _, run := range open {
			rt.look(run)
		}
	})
}

// stops are all that a run is stopped by: orders, and freezes, which are not
// for one that undoes another.
func (rt *Runtime) stops(f engine.Facts) []engine.Stop {
	out := rt.Stops(f.Service)
	if f.UndoOf != "" {
		return out
	}
	for _, z := range rt.Freezes() {
		if z.Holds(f.Service, f.Requester.Automatic()) {
			out = append(out, engine.Stop{
				Kind: engine.StopFreeze, By: z.Rule, Reason: z.Reason, At: rt.now(), Until: z.Until, Rollbacks: z.Rollbacks,
			})
		}
	}
	return out
}

// same reports whether a stop that a run knows of is still what stands: a
// freeze may end at another time than the run was told.
func same(known, stands engine.Stop) bool {
	return known.Is(stands) && known.Until.Equal(stands.Until) && known.Rollbacks == stands.Rollbacks
}
