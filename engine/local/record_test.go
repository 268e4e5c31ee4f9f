package local

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// recordOnly opens a runtime that drives nothing.
func recordOnly(t *testing.T, mem *memory) *world {
	t.Helper()
	return begin(t, mem, nil, func(c *Config) { c.Executor, c.RecordOnly = nil, true })
}

// left makes a run that waits at its gate, and that nobody drives any more.
func left(t *testing.T, mem *memory) (id string, q engine.Question) {
	t.Helper()
	w := begin(t, mem, newHands(t))
	id = w.start(fix, "one")
	q = w.asked(id, engine.AskGate)
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return id, q
}

// Somebody who hangs up while it is stored what he says stops nobody else.
func TestWhoHangsUpStopsNothing(t *testing.T) {
	mem := newMemory()
	w := begin(t, mem, newHands(t))
	id := w.start(fix, "one")
	q := w.asked(id, engine.AskGate)
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	_ = w.Order(gone, halt)
	if len(w.Orders()) != 1 {
		t.Error("the halt is lost")
	}
	_ = w.Order(gone, Order{Kind: engine.StopHalt, By: "carol"})
	if err := w.Err(); err != nil {
		t.Fatalf("the runtime has stopped: %v", err)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	w = recordOnly(t, mem)
	_ = w.Give(gone, id, engine.Cancel{By: "mallory"})
	_ = w.Give(gone, id, yes(q))
	if err := w.Err(); err != nil {
		t.Fatalf("the runtime has stopped: %v", err)
	}
}

// Two who are refused at once are both recorded.
func TestRefusedAtOnce(t *testing.T) {
	mem := newMemory()
	id, q := left(t, mem)
	w := recordOnly(t, mem)
	const people = 20
	var all sync.WaitGroup
	for range people {
		all.Go(func() {
			mallory := yes(q)
			mallory.By = "mallory"
			var refused *engine.Refusal
			if err := w.Give(t.Context(), id, mallory); !errors.As(err, &refused) {
				t.Errorf("got %v", err)
			}
		})
	}
	all.Wait()
	kinds := mem.kinds(id)
	kinds = slices.DeleteFunc(kinds, func(k string) bool { return k != (engine.InputRefused{}).Kind() })
	if len(kinds) != people {
		t.Errorf("%d refusals are recorded, want %d", len(kinds), people)
	}
}

// A halt that was said while nobody drives runs holds before anything that
// was said beside it takes effect.
func TestHaltBeforeWhatWasSaid(t *testing.T) {
	mem := newMemory()
	id, q := left(t, mem)
	w := recordOnly(t, mem)
	if err := w.Give(t.Context(), id, yes(q)); err != nil {
		t.Fatal(err)
	}
	if err := w.Order(t.Context(), halt); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	begin(t, mem, newHands(t))
	kinds := mem.kinds(id)
	after := slices.Index(kinds, (engine.RunRecovered{}).Kind()) + 1
	if after == len(kinds) || kinds[after] != (engine.Stopped{}).Kind() {
		t.Errorf("after the recovery comes %v, want the halt", kinds[after:])
	}
}

// A run that left memory while it waited leaves its place in the queue for a
// lock, and its timers, when it no longer waits.
func TestEvictedRunLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHands(t)
		w := begin(t, newMemory(), h, func(c *Config) { c.Cached = 1 })
		w.start(tidy, "holds")
		w.until("holds", func(r engine.Run) bool { return r.Locks.State == engine.LocksHeld })
		for _, id := range []string{"leaves", "stays"} {
			w.start(tidy, id)
			w.until(id, func(r engine.Run) bool { return r.Locks.State == engine.LocksRequested })
			synctest.Wait() // it rests
		}
		w.mu.Lock()
		kept := w.lives["leaves"] != nil
		w.mu.Unlock()
		if kept {
			t.Fatal("the run is still in memory")
		}
		release := make(chan struct{})
		h.on("metrics.pool", func(context.Context, engine.Command) engine.Outcome {
			<-release
			return engine.Outcome{Effect: engine.EffectNone}
		})
		defer close(release)
		for _, id := range []string{"leaves", "holds"} {
			if err := w.Give(t.Context(), id, engine.Cancel{By: "alice"}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if runs := w.locks.Waiting(); !slices.Equal(runs, []string{"stays"}) {
			t.Errorf("waiting for locks: %v", runs)
		}
	})
}

// What was said before counts for what is said next, though nobody drives the
// run.
func TestWhatWasRecordedCounts(t *testing.T) {
	mem := newMemory()
	id, q := left(t, mem)
	w := recordOnly(t, mem)
	var refused *engine.Refusal
	for _, in := range []engine.Person{yes(q), engine.Withdraw{By: "alice", Path: "apply"}, engine.TakeOver{By: "alice"}} {
		if err := w.Give(t.Context(), id, in); err != nil {
			t.Errorf("%T: %v", in, err)
		}
	}
	if err := w.Give(t.Context(), id, engine.TakeOver{By: "bob"}); !errors.As(err, &refused) {
		t.Errorf("a second person takes it over: %v", err)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w = recordOnly(t, mem) // another one, which has heard of it
	if err := w.Give(t.Context(), id, engine.HandBack{By: "alice", To: engine.HandResume}); err != nil {
		t.Error(err)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w = begin(t, mem, newHands(t))
	if again := w.asked(id, engine.AskGate); again.ID == q.ID {
		t.Error("the yes that was taken back was not")
	}
}

// A word to undo a run passes the stops that stood when it was given, and none
// that came later, whoever hears it first.
func TestAnUndoThatAHaltHasOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemory()
		id, _ := left(t, mem)
		w := recordOnly(t, mem)
		if err := w.Give(t.Context(), id, engine.UndoRun{By: "alice"}); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		if err := w.Order(t.Context(), halt); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		w = begin(t, mem, newHands(t))
		synctest.Wait()
		if r, err := w.Run(t.Context(), id); err != nil || r.UndoWord || r.Ended() || len(mem.said) > 0 {
			t.Errorf("the undo passes the halt: %v; not heard: %v", err, mem.said)
		}
		if err := w.Give(t.Context(), id, engine.UndoRun{By: "alice"}); err != nil {
			t.Fatal(err)
		}
		if r, err := w.Run(t.Context(), id); err != nil || r.Word != engine.Undone {
			t.Errorf("the undo does not pass the halt that stood: %v", err)
		}
	})
}
