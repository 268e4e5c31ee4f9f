package local

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/engine"
)

// A run from its start to its end, in virtual time: it looks, asks, acts and
// verifies, and what is stored tells the same story as what was lived.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, newMemory(), newHands(t))
		id := w.start(fix, "")
		recs, err := w.Watch(t.Context(), id, 1)
		if err != nil {
			t.Fatal(err)
		}
		w.approve(id)
		var seen []engine.Record
		for rec := range recs { // until the run has settled
			seen = append(seen, rec)
		}
		synctest.Wait() // what it had open is closed
		r, err := w.Run(t.Context(), id)
		if err != nil || r.Word != engine.Succeeded {
			t.Fatalf("the run ended as %q, %v: %v", r.Word, err, w.mem.kinds(id))
		}
		if len(seen) != r.Seq || seen[0].Seq != 1 || seen[len(seen)-1].Seq != r.Seq {
			t.Errorf("%d records were seen of %d", len(seen), r.Seq)
		}
		replayed, err := w.replay(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		a, b := state(t, r), state(t, replayed)
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("lived and replayed differ (-lived +replayed):\n%s", diff)
		}
		heads, err := w.Runs(t.Context(), Filter{})
		if err != nil || len(heads) != 1 || !heads[0].Settled || heads[0].Word != engine.Succeeded || heads[0].Seq != r.Seq {
			t.Errorf("the list says %+v, %v", heads, err)
		}
		w.mu.Lock()
		l := w.lives[id]
		w.mu.Unlock()
		if l != nil && (len(l.calls) > 0 || len(l.open) > 0) {
			t.Errorf("still open: %v %v", l.calls, l.open)
		}
		if len(w.locks.Holders()) > 0 || len(w.timers.by) > 0 {
			t.Errorf("left behind: locks %v, timers %v", w.locks.Holders(), w.timers.by)
		}
	})
}

// state is what can be compared of a run.
func state(t *testing.T, r engine.Run) string {
	t.Helper()
	r.Book = nil
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestStartRefuses(t *testing.T) {
	w := begin(t, newMemory(), newHands(t))
	w.start(pause, "r1")
	facts := func(id, src string) engine.Facts {
		return engine.Facts{ID: id, Pins: engine.Pins{Runbook: Digest([]byte(src))}}
	}
	if _, err := w.Start(t.Context(), facts("r1", pause), []byte(pause)); class(err) != ClassInvalid || !errors.Is(err, ErrExists) {
		t.Errorf("a second run r1: %v", err)
	}
	if _, err := w.Start(t.Context(), facts("r2", fix)); class(err) != ClassNotFound {
		t.Errorf("a runbook whose bytes nobody has: %v", err)
	}
	if _, err := w.Start(t.Context(), facts("r3", "firebreak: v9"), []byte("firebreak: v9")); class(err) != ClassUnreadable {
		t.Errorf("a runbook that cannot be read: %v", err)
	}
	var start *engine.StartError
	if _, err := w.Start(t.Context(), facts("r4", fix), []byte(fix)); !errors.As(err, &start) {
		t.Errorf("a run without its inputs: %v", err)
	}
	if err := w.Give(t.Context(), "r4", engine.Cancel{By: "alice"}); class(err) != ClassNotFound {
		t.Errorf("the run that was not started takes inputs: %v", err)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w = begin(t, w.mem, newHands(t)) // with a run that is not in memory
	if _, err := w.Start(t.Context(), facts("r1", pause), []byte(pause)); !errors.Is(err, ErrExists) {
		t.Errorf("a second run r1 of an earlier owner: %v", err)
	}
	w.start(fix, "r4")  // the name is still free
	w.start(pause, "a") // and r1 forgot nothing
	if heads, err := w.Runs(t.Context(), Filter{}); err != nil || len(heads) != 3 {
		t.Errorf("%d runs, %v", len(heads), err)
	}
}

func TestGiveRefuses(t *testing.T) {
	w := begin(t, newMemory(), newHands(t))
	id := w.start(fix, "")
	q := w.asked(id, engine.AskGate)
	vote := yes(q)
	vote.By = "mallory"
	var refused *engine.Refusal
	if err := w.Give(t.Context(), id, vote); !errors.As(err, &refused) {
		t.Fatalf("mallory approves: %v", err)
	}
	if kinds := w.mem.kinds(id); kinds[len(kinds)-1] != (engine.InputRefused{}).Kind() {
		t.Errorf("the refusal is not recorded: %v", kinds)
	}
	if err := w.Give(t.Context(), id, engine.TimerFired{ID: "nothing"}); !errors.Is(err, engine.ErrStale) {
		t.Errorf("a timer that nobody set: %v", err)
	}
	if err := w.Give(t.Context(), "none", vote); class(err) != ClassNotFound {
		t.Errorf("a vote about no run: %v", err)
	}
	if err := w.Give(t.Context(), id, nil); class(err) != ClassInvalid {
		t.Errorf("nothing: %v", err)
	}
}

// What cannot be recorded does not happen, and ends the runtime.
func TestJournalFails(t *testing.T) {
	w := begin(t, newMemory(), newHands(t))
	id := w.start(fix, "")
	q := w.asked(id, engine.AskGate)
	full := errors.New("no space left on device")
	w.mem.mu.Lock()
	w.tenant.fail = func(Batch) error { return full }
	w.mem.mu.Unlock()
	before := w.mem.kinds(id)
	err := w.Give(t.Context(), id, yes(q))
	if !errors.Is(err, full) || class(err) != ClassJournal {
		t.Fatalf("the vote is answered with %v", err)
	}
	<-w.Done()
	if !errors.Is(w.Err(), full) {
		t.Errorf("the runtime stopped with %v", w.Err())
	}
	if err := w.Give(t.Context(), id, yes(q)); !errors.Is(err, full) {
		t.Errorf("afterwards: %v", err)
	}
	if _, err := w.Start(t.Context(), engine.Facts{Pins: engine.Pins{Runbook: Digest([]byte(pause))}}, []byte(pause)); !errors.Is(err, full) {
		t.Errorf("a start afterwards: %v", err)
	}
	if err := w.Close(t.Context()); !errors.Is(err, full) {
		t.Errorf("close says %v", err)
	}
	if diff := cmp.Diff(before, w.mem.kinds(id)); diff != "" {
		t.Errorf("recorded all the same:\n%s", diff)
	}
	if slices.ContainsFunc(w.hands.ids(), func(id string) bool { return strings.Contains(id, "/apply#") && strings.HasSuffix(id, "/act") }) {
		t.Error("it acted on a vote that is not recorded")
	}
	w.mem.mu.Lock()
	w.tenant.fail = nil
	w.mem.mu.Unlock()
	again := begin(t, w.mem, newHands(t)) // the disk has room again
	if got := again.asked(id, engine.AskGate); got.ID != q.ID {
		t.Errorf("the question is now %s, was %s", got.ID, q.ID)
	}
}

// What stops a mutation in flight is a word to the executor; it is never cut.
func TestSoftStop(t *testing.T) {
	h := newHands(t)
	stopped := make(chan string, 1)
	h.on("stop", func(_ context.Context, cmd engine.Command) engine.Outcome {
		if c, ok := cmd.(engine.StopCall); ok {
			stopped <- c.Call
		}
		return engine.Outcome{}
	})
	h.on("settings.apply", func(ctx context.Context, cmd engine.Command) engine.Outcome {
		if id := <-stopped; id != cmd.CommandID() {
			t.Errorf("%s is to stop, not %s", id, cmd.CommandID())
		}
		if ctx.Err() != nil {
			t.Error("the mutation was cut")
		}
		return engine.Outcome{
			Failure: &engine.Failure{Class: "cancelled", Reason: "stopped half way"},
			Effect:  engine.EffectPartial, Receipt: json.RawMessage(`{"before":20}`), Left: "g",
		}
	})
	w := begin(t, newMemory(), h)
	id := w.start(fix, "")
	w.approve(id)
	<-h.called("settings.apply")
	if err := w.Give(t.Context(), id, engine.Cancel{By: "alice"}); err != nil {
		t.Fatal(err)
	}
	if word := w.ended(id); word != engine.CancelledDirty {
		t.Errorf("it ended as %s: %v", word, w.mem.kinds(id))
	}
}

// Closing gives up reads, and waits for what changes something.
func TestClose(t *testing.T) {
	t.Run("reads are cut", func(t *testing.T) {
		synctest.Test(t, closeCutsReads)
	})
	t.Run("a run that only reads does not hold it up", func(t *testing.T) {
		h := newHands(t)
		h.on("metrics.pool", func(ctx context.Context, _ engine.Command) engine.Outcome {
			<-ctx.Done()
			return engine.Outcome{Failure: &engine.Failure{Class: "cancelled"}}
		})
		w := begin(t, newMemory(), h)
		id := w.start(fix, "")
		<-h.called("metrics.pool")
		w.until(id, func(r engine.Run) bool { return len(r.OpenQuestions()) > 0 }) // that is asked beside the read
		before := w.mem.kinds(id)
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, w.mem.kinds(id)); diff != "" {
			t.Errorf("the cut read was recorded:\n%s", diff)
		}
		if err := w.Give(t.Context(), id, engine.Cancel{By: "alice"}); class(err) != ClassClosed {
			t.Errorf("a closed runtime takes inputs: %v", err)
		}
		begin(t, w.mem, newHands(t)).asked(id, engine.AskGate) // the read is made again
	})
	t.Run("a mutation ends and is recorded", func(t *testing.T) {
		h := newHands(t)
		release := make(chan struct{})
		h.on("settings.apply", func(ctx context.Context, cmd engine.Command) engine.Outcome {
			<-release
			if ctx.Err() != nil {
				t.Error("the mutation was cut")
			}
			_, out := action(cmd)
			return out
		})
		w := begin(t, newMemory(), h)
		id := w.start(fix, "")
		w.approve(id)
		<-h.called("settings.apply")
		closed := make(chan error)
		go func() { closed <- w.Close(context.Background()) }()
		<-w.calls.Done() // it is closing
		select {
		case err := <-closed:
			t.Fatalf("it did not wait: %v", err)
		default:
		}
		close(release)
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
		if kinds := w.mem.kinds(id); !slices.Contains(kinds, (engine.Acted{}).Kind()) {
			t.Errorf("what the mutation did is not recorded: %v", kinds)
		}
	})
	t.Run("it waits no longer than it may", func(t *testing.T) {
		h := newHands(t)
		release, returned := make(chan struct{}), make(chan struct{})
		h.on("settings.apply", func(context.Context, engine.Command) engine.Outcome {
			defer close(returned)
			<-release
			return engine.Outcome{Effect: engine.EffectApplied}
		})
		w := begin(t, newMemory(), h)
		id := w.start(fix, "")
		w.approve(id)
		<-h.called("settings.apply")
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if err := w.Close(over); !errors.Is(err, context.Canceled) {
			t.Errorf("close says %v", err)
		}
		close(release)
		<-returned
	})
}

// closeCutsReads closes a runtime while one run reads and another acts: what
// the cut read says is no fact, and is not recorded in the meantime.
func closeCutsReads(t *testing.T) {
	h := newHands(t)
	release := make(chan struct{})
	h.on("settings.apply", func(_ context.Context, cmd engine.Command) engine.Outcome {
		<-release
		_, out := action(cmd)
		return out
	})
	w := begin(t, newMemory(), h)
	acting := w.start(fix, "acting")
	w.approve(acting)
	<-h.called("settings.apply")
	h.on("metrics.pool", func(ctx context.Context, _ engine.Command) engine.Outcome {
		<-ctx.Done()
		return engine.Outcome{Failure: &engine.Failure{Class: "cancelled"}}
	})
	reading := w.start(fix, "reading")
	synctest.Wait()
	before := w.mem.kinds(reading)
	closed := make(chan error)
	go func() { closed <- w.Close(context.Background()) }()
	synctest.Wait() // the read has returned, the mutation has not
	close(release)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, w.mem.kinds(reading)); diff != "" {
		t.Errorf("the cut read was recorded:\n%s", diff)
	}
}

// A mutation in flight that is no longer wanted is left alone, and not
// started again should it be wanted once more.
func TestMutationIsNeverStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHands(t)
		release := make(chan struct{})
		h.on("settings.apply", func(context.Context, engine.Command) engine.Outcome {
			<-release
			return engine.Outcome{Effect: engine.EffectApplied, Outputs: json.RawMessage(`{"live":true}`), Left: "g"}
		})
		w := begin(t, newMemory(), h)
		id := w.start(fix, "")
		w.approve(id)
		<-h.called("settings.apply")
		synctest.Wait()
		w.mu.Lock()
		l := w.lives[id]
		want := engine.Pending(l.run)
		w.mu.Unlock()
		w.reconcile(l, nil)
		w.reconcile(l, want) // the executor of this test refuses an id that it knows
		synctest.Wait()
		close(release)
		if word := w.ended(id); word != engine.Succeeded {
			t.Errorf("it ended as %s", word)
		}
	})
}

// Waiting runs hold no goroutine, and only so many of them stay in memory.
func TestManyWaitingRuns(t *testing.T) {
	w := begin(t, newMemory(), newHands(t), func(c *Config) { c.Cached = 10 })
	for range 20 {
		w.start(pause, "")
	}
	few := goroutines(w)
	for range 980 {
		w.start(pause, "")
	}
	if many := goroutines(w); many > few+5 {
		t.Errorf("%d goroutines with 20 waiting runs, %d with 1,000", few, many)
	}
	w.mu.Lock()
	kept := len(w.lives)
	w.mu.Unlock()
	if kept > 10 {
		t.Errorf("%d waiting runs are kept in memory, want 10", kept)
	}
	if n := len(w.timers.by); n != 1000 {
		t.Errorf("%d timers, want 1,000", n)
	}
	heads, err := w.Runs(t.Context(), Filter{Unsettled: true})
	if err != nil || len(heads) != 1000 {
		t.Fatalf("%d runs, %v", len(heads), err)
	}
	// One that has left memory still takes what people say.
	if err := w.Give(t.Context(), heads[500].ID, engine.Cancel{By: "alice"}); err != nil {
		t.Fatal(err)
	}
	if word := w.ended(heads[500].ID); word != engine.CancelledClean {
		t.Errorf("it ended as %s", word)
	}
}

// Runs that waited when their owner went away go on when their time has come.
func TestTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, newMemory(), newHands(t))
		began := time.Now()
		a, b := w.start(pause, "a"), w.start(pause, "b")
		if word := w.ended(a); word != engine.NoAction {
			t.Errorf("it ended as %s", word)
		}
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("a wait of 30 s took %s", took)
		}
		w.ended(b)

		c := w.start(pause, "c")
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.mem.seen = time.Now()
		<-time.After(time.Hour) // virtual
		w = begin(t, w.mem, newHands(t))
		w.ended(c) // within a minute: it is late, or takes its 30 s again
	})
}
