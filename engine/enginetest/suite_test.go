package enginetest

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// The suite itself is tried on the smallest runtime that passes it.
func TestSuite(t *testing.T) {
	RunSuite(t, func(t *testing.T, do Do) Runtime {
		ctx, cancel := context.WithCancel(context.Background())
		rt := &memory{ctx: ctx, do: do, runs: map[string]*live{}, held: map[string]string{}}
		t.Cleanup(func() {
			cancel()
			rt.calls.Wait()
		})
		return rt
	})
}

// memory is a runtime that stores nothing.
type memory struct {
	ctx   context.Context
	do    Do
	calls sync.WaitGroup

	mu   sync.Mutex
	runs map[string]*live
	held map[string]string // run by identity
	wish []lockWish
}

type lockWish struct {
	run string
	cmd engine.Lock
}

type live struct {
	run  engine.Run
	recs []engine.Record
	open map[string]bool
	more chan struct{} // closed when there are more records
}

func (rt *memory) Start(ctx context.Context, f engine.Facts, pins ...[]byte) (string, error) {
	book, _ := runbook.Parse("suite.yaml", pins[0], Catalog(), nil)
	rt.mu.Lock()
	f.ID = "run" + strconv.Itoa(len(rt.runs)+1)
	rt.runs[f.ID] = &live{run: engine.New(book), open: map[string]bool{}, more: make(chan struct{})}
	rt.mu.Unlock()
	return f.ID, rt.Give(ctx, f.ID, engine.Start{Facts: f})
}

func (rt *memory) Give(_ context.Context, run string, in engine.Input) error {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	l := rt.runs[run]
	recs, err := engine.Decide(l.run, in, time.Now().UTC())
	if len(recs) == 0 {
		return err
	}
	for _, rec := range recs {
		l.run = engine.Apply(l.run, rec)
	}
	l.recs = append(l.recs, recs...)
	close(l.more)
	l.more = make(chan struct{})
	start, stop := engine.Reconcile(l.open, engine.Pending(l.run))
	for _, id := range stop {
		delete(l.open, id)
	}
	for _, c := range start {
		l.open[c.CommandID()] = true
		rt.begin(run, c)
	}
	if l.run.Ended() {
		for id, holder := range rt.held {
			if holder == run {
				delete(rt.held, id)
			}
		}
		rt.grant()
	}
	return err
}

func (rt *memory) begin(run string, cmd engine.Command) {
	switch c := cmd.(type) {
	case engine.Ask:
	case engine.Lock:
		if holder := rt.holder(run, c); c.Try && holder != "" {
			rt.later(run, time.Time{}, func() engine.Input { return engine.LocksBusy{ID: c.ID, Holder: holder} })
			return
		}
		rt.wish = append(rt.wish, lockWish{run, c})
		rt.grant()
	case engine.Timer:
		rt.later(run, c.At, func() engine.Input { return engine.TimerFired{ID: c.ID} })
	case engine.Read:
		rt.later(run, c.NotBefore, func() engine.Input { return rt.do(c) })
	default:
		rt.later(run, time.Time{}, func() engine.Input { return rt.do(c) })
	}
}

// holder is another run that has something of what a run asks for.
func (rt *memory) holder(run string, c engine.Lock) string {
	for _, id := range c.Identities {
		if other := rt.held[id]; other != "" && other != run {
			return other
		}
	}
	return ""
}

func (rt *memory) grant() {
	rt.wish = slices.DeleteFunc(rt.wish, func(w lockWish) bool {
		if rt.holder(w.run, w.cmd) != "" {
			return false
		}
		for _, id := range w.cmd.Identities {
			rt.held[id] = w.run
		}
		rt.later(w.run, time.Time{}, func() engine.Input { return engine.LocksGranted{ID: w.cmd.ID} })
		return true
	})
}

// later gives a run an answer when it is time.
func (rt *memory) later(run string, at time.Time, answer func() engine.Input) {
	rt.calls.Go(func() {
		select {
		case <-time.After(time.Until(at)):
		case <-rt.ctx.Done():
			return
		}
		if in := answer(); in != nil {
			_ = rt.Give(rt.ctx, run, in) // what is stale by now matters to nobody
		}
	})
}

func (rt *memory) Watch(ctx context.Context, run string, from int) (<-chan engine.Record, error) {
	out := make(chan engine.Record)
	rt.calls.Go(func() {
		for n := from - 1; ; {
			rt.mu.Lock()
			recs, more := rt.runs[run].recs, rt.runs[run].more
			rt.mu.Unlock()
			for ; n < len(recs); n++ {
				select {
				case out <- recs[n]:
				case <-ctx.Done():
					return
				}
			}
			select {
			case <-more:
			case <-ctx.Done():
				return
			}
		}
	})
	return out, nil
}
