package intake

import (
	"context"
	"time"

	"github.com/firebreak-ops/firebreak/engine/service"
	"github.com/firebreak-ops/firebreak/server/alerts"
)

// Shelf keeps alerts. Its methods may be called at the same time.
type Shelf interface {
	// Keep stores what a delivery has brought, all of it or nothing, and returns
	// when it is durable. What is there already, by its key, is counted; if it
	// goes on and has no run, it waits to be decided again. A resolved alert
	// ends what goes on of its source and identity. A delivery that is known by
	// any of its ids is left alone: again is true.
	Keep(ctx context.Context, d Delivery, all []Entry) (again bool, err error)
	// Waiting returns what is to be decided, the oldest first, what is to be
	// tried again by now, and what is resolved and has a run that may not know;
	// and when the next is to be tried again, zero: none is.
	Waiting(ctx context.Context, now time.Time) (all []Entry, next time.Time, err error)
	// Settle stores what was decided, durably.
	Settle(ctx context.Context, all []Entry) error
	// Last returns the last run that an alert of a cause began.
	Last(ctx context.Context, cause string) (Last, error)
}

// Last is the last run of a cause, and what is known of its alerts.
type Last struct {
	Run        string // empty: there is none
	Open       int    // how many of its alerts are not resolved
	ResolvedAt time.Time
}

// Runs is what alerts do to runs. An error that has a method Class() string
// that says "closed" or "journal" is one of the state: nothing was decided.
type Runs interface {
	// Begun returns the run that began for an alert; empty when none did.
	Begun(ctx context.Context, e *Entry) (run string, err error)
	// Start begins the run of an alert and returns when that is durable.
	// However often it is called for an alert, one run begins. An error that
	// has a method Lasting() bool that is true does not pass by itself.
	Start(ctx context.Context, e *Entry, m alerts.Match) (run string, err error)
	// Ended returns when a run ended; zero while it goes on. One that is no
	// longer known ended long ago.
	Ended(ctx context.Context, run string) (time.Time, error)
	// Resolved tells a run that its alerts are over.
	Resolved(ctx context.Context, run string) error
}

// Config is what an Intake needs. Every field is required unless it says
// otherwise.
type Config struct {
	Shelf   Shelf
	Runs    Runs
	Sources map[string]*service.Source
	Matcher func() *alerts.Matcher                 // of the runbooks that alerts may start now
	Secret  func(reference string) (string, error) // reads a secret; it is asked for every request
	Told    func(ctx context.Context, e *Entry)    // hears of every decision before it is stored, so that it may hear it again
	Warn    func(err error)                        // hears what nobody else does
	Now     func() time.Time                       // nil: time.Now
}

// Intake takes alerts in, as an [net/http.Handler] of POST
// /v1/alerts/{source}, and decides them while Run runs.
type Intake struct {
	cfg  Config
	more chan struct{} // something was stored
}

// New returns an intake.
func New(cfg Config) *Intake {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Intake{cfg: cfg, more: make(chan struct{}, 1)}
}

// wake makes Run look again.
func (in *Intake) wake() {
	select {
	case in.more <- struct{}{}:
	default: // it will look anyway
	}
}

func (in *Intake) now() time.Time { return in.cfg.Now().UTC() }
