package sandbox

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/firebreak-ops/firebreak/runbooks/drills/practice"
)

// lastWords is how much of the children's last words is kept.
const lastWords = 16 << 10

// board is what the sandbox's children have told so far. It is also the writer
// for their logs.
type board struct {
	also io.Writer // may be nil

	mu          sync.Mutex
	deployments []deployed
	record      practice.Record
	words       []byte
	failed      error
	changed     chan struct{} // closed and replaced at each change
}

func newBoard(also io.Writer) *board { return &board{also: also, changed: make(chan struct{})} }

func (b *board) change(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
	close(b.changed)
	b.changed = make(chan struct{})
}

// hear reads the host's notices until they end.
func (b *board) hear(notices io.Reader, started chan<- up) {
	for lines := json.NewDecoder(notices); ; {
		var n notice
		if lines.Decode(&n) != nil {
			io.Copy(io.Discard, notices) //nolint:errcheck // its end is told by the process
			return
		}
		if n.Up != nil {
			started <- *n.Up
		}
		if n.Deployed != nil {
			b.change(func() { b.deployments = append(b.deployments, *n.Deployed) })
		}
	}
}

// count reads the load's buckets until they end.
func (b *board) count(buckets io.Reader) {
	for lines := json.NewDecoder(buckets); ; {
		var next practice.Bucket
		if lines.Decode(&next) != nil {
			io.Copy(io.Discard, buckets) //nolint:errcheck // its end is told by the process
			return
		}
		b.change(func() { b.record = b.record.Add(next) })
	}
}

// fail ends all waiting: what is waited for cannot come any more.
func (b *board) fail(err error) {
	b.change(func() {
		if b.failed == nil {
			b.failed = err
		}
	})
}

// wait blocks until seen finds what it looks for. Seen must not keep the board.
func (b *board) wait(ctx context.Context, seen func(*board) (time.Time, bool)) (time.Time, error) {
	for {
		b.mu.Lock()
		at, ok := seen(b)
		changed, failed := b.changed, b.failed
		b.mu.Unlock()
		switch {
		case ok:
			return at, nil
		case failed != nil:
			return time.Time{}, failed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}

func (b *board) copy() practice.Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.record)
}

// Write keeps the last words of the children.
func (b *board) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.words = append(b.words, p...)
	b.words = b.words[max(0, len(b.words)-lastWords):]
	if b.also != nil {
		return b.also.Write(p)
	}
	return len(p), nil
}

func (b *board) said() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.words)
}
