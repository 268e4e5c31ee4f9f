package local

import (
	"context"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// Journal keeps the records of every run. Its methods may be called from any
// goroutine at the same time.
type Journal interface {
	// Append stores a batch in one transaction and returns when it is
	// durable. It fails with [ErrSequence] when the run has other records
	// than the caller thought, with [ErrFenced] when another owner has taken
	// the state over, with [ErrPruned] when the run is gone; after any other error nothing of the batch is stored,
	// and the runtime stops.
	Append(ctx context.Context, b Batch) error
	// Load returns the records of a run after the given number, in their
	// order. A run that does not exist has none; one that was pruned is an
	// [ErrPruned] of class not_found.
	Load(ctx context.Context, run string, after int) ([]engine.Record, error)
	// Heads lists runs, newest first.
	Heads(ctx context.Context, f Filter) ([]engine.Head, error)
	// Blob returns the bytes that were pinned under a digest, or an error of
	// class not_found.
	Blob(ctx context.Context, digest string) ([]byte, error)
}

// Batch is what one decision stores, all of it or nothing.
type Batch struct {
	Run     string
	After   int // number of the run's last record before; 0: the run is new
	Records []engine.Record
	Head    engine.Head
	Rest    *Rest   // nil: the next owner must look at the run
	Pins    []Pin   // bytes that the run refers to; those already kept are left alone
	Heard   []int64 // numbers of what was [Said], which the batch deals with
	Order   *Order  // what stands from then on because of it; nil: nothing new
}

// Pin is bytes and their digest.
type Pin struct {
	Digest string // sha256:…
	Bytes  []byte
}

// Filter chooses among runs. The zero Filter chooses all of them.
type Filter struct {
	Unsettled bool      // only those that a runtime has something to do for
	Asking    bool      // only those with open questions, and the one that began first at the beginning
	Service   string    // empty: of any service
	Since     time.Time // only those that had not ended then
	Limit     int       // 0: no limit
	After     string    // only those that come after this run; empty: all
}
