package local

import (
	"context"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// State keeps what concerns no single run.
type State interface {
	// Own begins a new generation and fences every older one. drives tells
	// whether the caller will drive runs: only then does the time in which
	// runs were driven begin anew.
	Own(ctx context.Context, drives bool) (Tenure, error)
	// SetOrder stores, durably, what stands from now on.
	SetOrder(ctx context.Context, o Order) error
	// Say stores, durably, what a person said while no owner drives runs.
	Say(ctx context.Context, s Said) error
	// Prune gives runs up that have settled, each of them durably; see
	// [Runtime.Prune]. When it fails, some may be gone, which it returns.
	Prune(ctx context.Context, p Pruning) (Pruned, error)
	// Unsettled calls each for every run that a runtime has something to do
	// for, with the [Rest] that was stored last. It ends with each's error.
	Unsettled(ctx context.Context, each func(run string, r *Rest) error) error
}

// Tenure is what an owner finds when it takes a state over.
type Tenure struct {
	Generation int
	Gaps       []Gap   // the oldest first, that before this owner included
	Orders     []Order // in the order in which they were given; of those about one thing the last
	Said       []Said  // in the order in which it was said
}

// Gap is how long nobody drove runs before the owner of a generation did,
// give or take a few seconds.
type Gap struct {
	Generation int
	Down       time.Duration
}

// down is how long nobody has driven runs since a generation.
func (t Tenure) down(since int) (down time.Duration) {
	for _, g := range t.Gaps {
		if g.Generation > since {
			down += g.Down
		}
	}
	return down
}

// Order is that every new mutation is stopped, everywhere or for a service, or
// no longer is, and who said so last.
type Order struct {
	Kind    engine.StopKind // a halt or a hold
	Service string          // empty: everything
	On      bool
	By      string
	Reason  string
	At      time.Time
}

// Said is a person's input that waits for an owner that drives runs.
type Said struct {
	N    int64 // given by the state
	Run  string
	At   time.Time
	Kind string
	Data []byte
}
