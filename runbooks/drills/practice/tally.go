package practice

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// tally counts requests by the bucket of their scheduled time.
type tally struct {
	mu     sync.Mutex
	open   map[time.Time]*pending
	newest time.Time // bucket of the last request begun: later ones may still come
	out    *json.Encoder
	failed error
}

type pending struct {
	Bucket
	undecided int
}

func newTally(out *json.Encoder) *tally {
	return &tally{open: map[time.Time]*pending{}, out: out}
}

func (t *tally) begin(due time.Time) {
	at := due.Truncate(BucketWidth).UTC()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[at] == nil {
		previous := t.newest
		t.newest = at
		t.open[at] = &pending{Bucket: Bucket{At: at}}
		t.flush(previous)
	}
	t.open[at].undecided++
}

func (t *tally) end(due time.Time, ok bool, attempts int, latency time.Duration) {
	at := due.Truncate(BucketWidth).UTC()
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.open[at]
	p.undecided--
	p.Attempts += attempts
	p.Latencies.Add(latency)
	if ok {
		p.OK++
	} else {
		p.Failed++
	}
	t.flush(at)
}

// flush writes a bucket that nothing can change any more.
func (t *tally) flush(at time.Time) {
	p := t.open[at]
	if p == nil || p.undecided > 0 || at.Equal(t.newest) {
		return
	}
	delete(t.open, at)
	if err := t.out.Encode(p.Bucket); err != nil {
		t.failed = errors.Join(t.failed, fmt.Errorf("load: write what was seen: %w", err))
	}
}

func (t *tally) err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}
