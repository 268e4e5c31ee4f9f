package local

import (
	"context"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/policy"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Config is what a runtime needs. Journal, State and Book are required, and
// Executor too unless RecordOnly is set.
type Config struct {
	Journal  Journal
	State    State
	Executor Executor
	// Book makes a runbook of pinned bytes. The runtime keeps a few results.
	Book func(src []byte) (*runbook.Runbook, error)
	// Pins returns what this generation would pin for a run, or nil when
	// that is what the run has. It depends on f.Pins alone: one run answers
	// for all that have the same. A nil func: nothing ever changes.
	Pins func(f engine.Facts) *engine.Pins
	// Roles are the people who decide in runs for which Pins changed; nil:
	// those whom the runs were started with.
	Roles map[string]engine.Role

	// Freezes returns the freezes that stand at a time, and when to ask again;
	// zero: not before [Runtime.Refreeze]. It must not block, nor call the
	// runtime. nil: there are none.
	Freezes func(at time.Time) (stand []policy.Frozen, next time.Time)
	// Reported returns the changes that others have made to a service since a
	// time; nil: none are known. See [Runtime.Changed].
	Reported func(ctx context.Context, service string, since time.Time) ([]engine.ServiceChange, error)

	// Bar says why a run of automation may not change anything; nil: it may. A
	// run is asked about as it begins, with no changes, and with as many as it
	// may make before it begins the first. What follows from an answer is stored
	// before the next is asked for. It must not call the runtime. nil: no rule
	// bars any.
	Bar func(ctx context.Context, f engine.Facts, changes int) (*engine.Bar, error)

	// RecordOnly makes a runtime that drives nothing: what people say is
	// checked and stored, and the next runtime that drives runs acts on it.
	RecordOnly bool

	// Changed is told that a run has new records, once [Runtime.Run] shows
	// what they say. It must not block. nil: nobody is told.
	Changed func(run string)
	// Warn is told what a machine's input could not be used for, and which
	// runs could not be read. It must not block. nil: nobody is told.
	Warn func(run string, err error)
	// Now is the clock; time.Now when nil. Timers use the real one, so that
	// a test that wants other times runs in a synctest bubble.
	Now func() time.Time
	// Cached is how many waiting runs are kept in memory; 0: 256.
	Cached int
	// Books is how many parsed runbooks are kept in memory; 0: 32.
	Books int
}

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Journal == nil, c.State == nil, c.Book == nil:
		return c, NewError(ClassInvalid, "the runtime lacks a journal, a state or a reader of runbooks", "", nil)
	case c.Executor == nil && !c.RecordOnly:
		return c, NewError(ClassInvalid, "a runtime that drives runs needs an executor", "", nil)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Changed == nil {
		c.Changed = func(string) {}
	}
	if c.Warn == nil {
		c.Warn = func(string, error) {}
	}
	if c.Pins == nil {
		c.Pins = func(engine.Facts) *engine.Pins { return nil }
	}
	if c.Freezes == nil {
		c.Freezes = func(time.Time) ([]policy.Frozen, time.Time) { return nil, time.Time{} }
	}
	if c.Reported == nil {
		c.Reported = func(context.Context, string, time.Time) ([]engine.ServiceChange, error) { return nil, nil }
	}
	if c.Bar == nil {
		c.Bar = func(context.Context, engine.Facts, int) (*engine.Bar, error) { return nil, nil }
	}
	if c.Cached == 0 {
		c.Cached = 256
	}
	if c.Books == 0 {
		c.Books = 32
	}
	return c, nil
}
