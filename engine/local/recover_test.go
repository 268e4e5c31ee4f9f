package local

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// lose makes an action hang for as long as the test lasts, as when its owner
// is killed.
func lose(t *testing.T, h *hands, action string) {
	release := make(chan struct{})
	h.on(action, func(context.Context, engine.Command) engine.Outcome {
		<-release
		return engine.Outcome{Failure: &engine.Failure{Class: "internal"}, Effect: engine.EffectUnknown}
	})
	t.Cleanup(func() { close(release) })
}

// The next owner tells a run of a crash before it begins anything for it, never
// starts again what may have happened, and finds out instead. One that only
// waits is told before anything else is.
func TestRecover(t *testing.T) {
	mem, h := newMemory(), newHands(t)
	lose(t, h, "settings.apply")
	w := begin(t, mem, h)
	acting, asking := w.start(fix, "acting"), w.start(fix, "asking", func(f *engine.Facts) {
		f.Resources = map[string]string{"settings": "git:/srv/other"}
	})
	w.approve(acting)
	<-h.called("settings.apply")
	q := w.asked(asking, engine.AskGate)

	next := newHands(t)
	probed := func(context.Context, engine.Command) engine.Outcome {
		if kinds := mem.kinds(acting); !slices.Contains(kinds, (engine.RunRecovered{}).Kind()) {
			t.Errorf("a call begins before the run knows of the crash: %v", kinds)
		}
		return engine.Outcome{Effect: engine.EffectApplied, Left: "g"}
	}
	next.on("probe settings.apply", probed)
	w2 := begin(t, mem, next)
	if word := w2.ended(acting); word != engine.Succeeded {
		t.Errorf("it ended as %s: %v", word, mem.kinds(acting))
	}
	for _, id := range next.ids() {
		if strings.HasSuffix(id, "/act") && strings.HasPrefix(id, "acting/apply") {
			t.Errorf("%s was started again", id)
		}
	}
	// The question is still the same, and its answer counts.
	if err := w2.Give(t.Context(), asking, yes(q)); err != nil {
		t.Fatal(err)
	}
	if word := w2.ended(asking); word != engine.Succeeded {
		t.Errorf("the other ended as %s", word)
	}
	kinds := mem.kinds(asking)
	if told, decided := slices.Index(kinds, (engine.RunRecovered{}).Kind()), slices.Index(kinds, (engine.QuestionDecided{}).Kind()); told < 0 || told > decided {
		t.Errorf("the answer was taken before the run knew of the crash: %v", kinds)
	}
	// The owner of before is fenced: what it hears now it cannot record.
	if err := w.Give(t.Context(), asking, engine.Cancel{By: "alice"}); class(err) != ClassJournal {
		t.Errorf("the owner of before still records: %v", err)
	}
}

// A run that cannot be read is reported and hurts no other.
func TestUnreadableRun(t *testing.T) {
	mem := newMemory()
	w := begin(t, mem, newHands(t))
	bad, good := w.start(fix, "bad"), w.start(pause, "good")
	w.asked(bad, engine.AskGate)
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	delete(mem.blobs, Digest([]byte(fix)))
	w = begin(t, mem, newHands(t))
	if err := <-w.warned; !strings.HasPrefix(err.Error(), bad+":") {
		t.Errorf("warned of %v", err)
	}
	if err := w.Give(t.Context(), bad, engine.Cancel{By: "alice"}); class(err) != ClassNotFound {
		t.Errorf("a run that cannot be read: %v", err)
	}
	if err := w.Give(t.Context(), good, engine.Cancel{By: "alice"}); err != nil {
		t.Errorf("the other run: %v", err)
	}
}

// A run that cannot be read keeps its locks: nobody knows what it has left.
func TestUnreadableRunKeepsItsLocks(t *testing.T) {
	mem := newMemory()
	w := begin(t, mem, newHands(t))
	bad := w.start(tidy, "bad")
	w.until(bad, func(r engine.Run) bool { return r.Locks.State == engine.LocksHeld })
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	mem.mu.Lock() // a call that the owner has given up may still look
	mem.runs[bad] = append(mem.runs[bad], stored{time.Now(), "lock_added", []byte(`{"path": "fix", "identity": "disk:x"}`)})
	delete(mem.blobs, Digest([]byte(tidy)))
	mem.mu.Unlock()
	w = begin(t, mem, newHands(t))
	w.start(fix, "next")
	w.until("next", func(r engine.Run) bool { return r.Locks.State == engine.LocksRequested })
	for _, lock := range []string{"git:/srv/config", "disk:x"} {
		if holder := w.locks.Holders()[lock]; holder != bad {
			t.Errorf("%s is held by %q", lock, holder)
		}
	}
}

// Runs that want the same thing take turns, first come first served, over
// restarts too.
func TestLocksAcrossRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemory()
		w := begin(t, mem, newHands(t))
		held := func(r engine.Run) bool { return r.Locks.State == engine.LocksHeld }
		wanted := func(r engine.Run) bool { return r.Locks.State == engine.LocksRequested }
		w.start(fix, "a")
		w.until("a", held)
		w.start(fix, "b")
		w.until("b", wanted)
		w.start(fix, "c")
		w.until("c", wanted)
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		w = begin(t, mem, newHands(t))
		for i, id := range []string{"a", "b", "c"} {
			w.until(id, held)
			synctest.Wait()
			for _, later := range []string{"a", "b", "c"}[i+1:] {
				if r, err := w.Run(t.Context(), later); err != nil || !wanted(r) {
					t.Errorf("while %s has the lock, run %s is %q, %v", id, later, r.Locks.State, err)
				}
			}
			if err := w.Give(t.Context(), id, engine.Cancel{By: "alice"}); err != nil {
				t.Fatal(err)
			}
		}
		w.ended("c")
	})
}

// What people say while nobody drives runs is checked, kept, and acted on by
// the next owner who does.
func TestRecordOnly(t *testing.T) {
	mem := newMemory()
	w := begin(t, mem, newHands(t))
	id, other := w.start(fix, "one"), w.start(pause, "other")
	q := w.asked(id, engine.AskGate)
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	want := append(mem.kinds(id), (engine.InputRefused{}).Kind())
	w = begin(t, mem, nil, func(c *Config) { c.Executor, c.RecordOnly = nil, true })
	if err := w.Give(t.Context(), id, yes(q)); err != nil {
		t.Fatal(err)
	}
	if err := w.Give(t.Context(), other, engine.Cancel{By: "bob", Reason: "enough"}); err != nil {
		t.Fatal(err)
	}
	mallory := yes(q)
	mallory.By = "mallory"
	if err := w.Give(t.Context(), id, mallory); err == nil {
		t.Error("mallory may approve")
	}
	if err := w.Give(t.Context(), id, engine.TimerFired{}); class(err) != ClassInvalid {
		t.Errorf("a machine's input: %v", err)
	}
	if _, err := w.Start(t.Context(), engine.Facts{}, nil); class(err) != ClassInvalid {
		t.Errorf("a start: %v", err)
	}
	if got := mem.kinds(id); !slices.Equal(got, want) {
		t.Errorf("recorded %v, want only the refusal: %v", got, want)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	w = begin(t, mem, newHands(t))
	if word := w.ended(id); word != engine.Succeeded {
		t.Errorf("approved: it ended as %s", word)
	}
	if word := w.ended(other); word != engine.CancelledClean {
		t.Errorf("cancelled: it ended as %s", word)
	}
	if len(mem.said) > 0 {
		t.Errorf("not yet heard: %v", mem.said)
	}
}

var halt = Order{Kind: engine.StopHalt, On: true, By: "carol", Reason: "not now"}

// A halt stops every run, those to come too, and outlives its owner.
func TestHalt(t *testing.T) {
	mem := newMemory()
	w := begin(t, mem, newHands(t))
	stopped := func(r engine.Run) bool { return r.Stopped() }
	free := func(r engine.Run) bool { return !r.Stopped() }
	w.start(fix, "before")
	w.asked("before", engine.AskGate)
	if err := w.Order(t.Context(), halt); err != nil {
		t.Fatal(err)
	}
	if s := w.Stops("any"); len(s) != 1 || s[0].By != "carol" {
		t.Errorf("halted by %+v", s)
	}
	w.start(pause, "during")
	check := func(when string, want func(engine.Run) bool) {
		t.Helper()
		for _, id := range []string{"before", "during"} {
			if r, err := w.Run(t.Context(), id); err != nil || !want(r) {
				t.Errorf("%s: run %s has the stop %v, %v", when, id, r.Stops, err)
			}
		}
	}
	check("halted", stopped)
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w = begin(t, mem, newHands(t))
	check("halted before the restart", stopped)
	if err := w.Order(t.Context(), Order{Kind: engine.StopHalt, By: "dave"}); err != nil {
		t.Fatal(err)
	}
	check("lifted", free)
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	// Said while nobody drives runs: the next owner tells them.
	w = begin(t, mem, nil, func(c *Config) { c.Executor, c.RecordOnly = nil, true })
	if err := w.Order(t.Context(), Order{Kind: engine.StopHalt, On: true, By: "erin", Reason: "again"}); err != nil {
		t.Fatal(err)
	}
	check("said", free)
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w = begin(t, mem, newHands(t))
	for _, id := range []string{"before", "during"} {
		if r := w.until(id, stopped); r.Stops[0].By != "erin" {
			t.Errorf("run %s was halted by %s", id, r.Stops[0].By)
		}
	}
}

// What a run waits for moves by all the time in which nobody was there, whether
// or not the owners in between had to do with it, and is told to who looks.
func TestRestOverSeveralOwners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemory()
		w := begin(t, mem, newHands(t))
		w.start(fix, "a")
		w.asked("a", engine.AskGate)
		synctest.Wait() // until it only waits
		r, err := w.Run(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		before := r.OpenQuestions()[0]
		for range 3 {
			if err := w.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Hour) // virtual
			w = begin(t, mem, newHands(t))
		}
		if kinds := mem.kinds("a"); slices.Contains(kinds, (engine.RunRecovered{}).Kind()) {
			t.Errorf("a run that only waits was looked at: %v", kinds)
		}
		if r, err = w.Run(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.timers.mu.Lock()
		if n := len(w.timers.by); n != 1 {
			t.Errorf("%d timers, want that of the question", n)
		}
		w.timers.mu.Unlock()
		if after := r.OpenQuestions()[0]; r.Generation != 4 || !after.Expires.Equal(before.Expires.Add(3*time.Hour)) {
			t.Errorf("in generation %d the question ends at %s, not 3 hours after %s", r.Generation, after.Expires, before.Expires)
		}
		<-time.After(8 * time.Minute) // virtual: its question expires
		if word := w.ended("a"); word != engine.Refused {
			t.Errorf("unanswered it ended as %s", word)
		}
	})
}

// A plain wait goes by the clock, whoever was there.
func TestRestByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemory()
		w := begin(t, mem, newHands(t))
		w.start(pause, "a")
		synctest.Wait() // until it only waits
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour) // virtual
		began := time.Now()
		begin(t, mem, newHands(t))
		<-time.After(time.Second) // virtual
		mem.mu.Lock()
		defer mem.mu.Unlock()
		if h := mem.heads["a"]; h.Phase != engine.PhaseEnded || h.EndedAt.After(began.Add(time.Second)) {
			t.Errorf("an hour later it is %s", h.Phase)
		}
	})
}

// An alarm that comes too early for a run is set again.
func TestEarlyAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemory()
		w := begin(t, mem, newHands(t))
		w.start(fix, "a")
		w.asked("a", engine.AskGate)
		synctest.Wait() // until it only waits
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		mem.rests["a"].Moving = time.Now()
		w = begin(t, mem, newHands(t))
		<-time.After(time.Minute) // virtual
		if r, err := w.Run(t.Context(), "a"); err != nil || r.Ended() {
			t.Errorf("it ended as %s at once, %v", r.Word, err)
		}
		<-time.After(8 * time.Minute) // virtual: its question expires
		if word := w.ended("a"); word != engine.Refused {
			t.Errorf("unanswered it ended as %s", word)
		}
	})
}

// Who waits while the configuration changes is told so at once: what was shown
// no longer counts.
func TestChangedPinsDisturbRest(t *testing.T) {
	mem := newMemory()
	w := begin(t, mem, newHands(t))
	w.start(fix, "a")
	w.asked("a", engine.AskGate)
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	begin(t, mem, newHands(t), func(c *Config) {
		c.Pins = func(f engine.Facts) *engine.Pins {
			if f.Pins.Config == "other" {
				return nil
			}
			return &engine.Pins{Runbook: f.Pins.Runbook, Config: "other"}
		}
	})
	if kinds := mem.kinds("a"); !slices.Contains(kinds, (engine.GateVoided{}).Kind()) {
		t.Errorf("the question still stands: %v", kinds)
	}
}

// Taking over many runs that only wait reads none but one of them, and keeps
// them out of memory.
func TestRecoverMany(t *testing.T) {
	mem := newMemory()
	w := begin(t, mem, newHands(t))
	for i := range 300 {
		w.start(pause, fmt.Sprintf("r%03d", i))
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	mem.loads = 0
	w = begin(t, mem, newHands(t))
	if mem.loads != 1 {
		t.Errorf("%d runs were read", mem.loads)
	}
	w.mu.Lock()
	kept := len(w.lives)
	w.mu.Unlock()
	if kept > 0 {
		t.Errorf("%d waiting runs are in memory after a start", kept)
	}
	if n := len(w.timers.by); n != 300 {
		t.Errorf("%d timers, want 300", n)
	}
}

// What a run does where another has its locks, its runbook says.
func TestOnLocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, newMemory(), newHands(t))
		joins := w.start(onLocked("join"), "first")
		w.until(joins, func(r engine.Run) bool { return r.Locks.State == engine.LocksHeld })
		for id, want := range map[string]struct{ mode, class string }{
			"same": {"join", "joined"}, "never": {"skip", "locked"},
		} {
			w.start(onLocked(want.mode), id)
			if got := w.ended(id); got != engine.Refused {
				t.Errorf("%s ended as %s", id, got)
			}
			if r, err := w.Run(t.Context(), id); err != nil || r.Cause.Class != want.class || !strings.Contains(r.Cause.Reason, "run first ") {
				t.Errorf("%s: %+v, %v", id, r.Cause, err)
			}
		}
		w.start(onLocked("join"), "other", func(f *engine.Facts) { f.Inputs = map[string]json.RawMessage{"service": json.RawMessage(`"other"`)} })
		synctest.Wait() // it is the first in the queue
		w.start(fix, "queued")
		synctest.Wait()
		for _, id := range []string{"other", "queued"} {
			if r, err := w.Run(t.Context(), id); err != nil || r.Locks.State != engine.LocksRequested {
				t.Errorf("%s does not wait for its turn: %q, %v", id, r.Locks.State, err)
			}
		}
		joined := 0
		for _, kind := range w.mem.kinds(joins) {
			if kind == (engine.RunJoined{}).Kind() {
				joined++
			}
		}
		if joined != 1 {
			t.Errorf("the first was told %d times that another has left it to it", joined)
		}
		for _, id := range []string{joins, "other", "queued"} { // each has its turn
			w.until(id, func(r engine.Run) bool { return r.Locks.State == engine.LocksHeld })
			if err := w.Give(t.Context(), id, engine.Cancel{By: "alice"}); err != nil {
				t.Fatal(err)
			}
			w.ended(id)
		}
	})
}

// A run that has failed and left something changed takes automation off its
// service: other runs wait, those to come too, and over restarts.
func TestFailedDirtyHoldsTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem, h := newMemory(), newHands(t)
		h.on("settings.apply", func(context.Context, engine.Command) engine.Outcome {
			return engine.Outcome{Failure: &engine.Failure{Class: "internal", Reason: "half of it"}, Effect: engine.EffectPartial}
		})
		w := begin(t, mem, h)
		dirty := w.start(fix, "dirty")
		other := func(f *engine.Facts) { f.Resources = map[string]string{"settings": "git:/srv/other"} }
		w.start(fix, "beside", other)
		w.asked("beside", engine.AskGate)
		w.approve(dirty)
		q := w.asked(dirty, engine.AskDrift) // nobody knows how it was left
		if err := w.Give(t.Context(), dirty, engine.Answer{By: "alice", Question: q.ID, Choice: engine.ChoiceKeep}); err != nil {
			t.Fatal(err)
		}
		if word := w.ended(dirty); word != engine.FailedDirty {
			t.Fatalf("it ended as %s", word)
		}
		held := func(r engine.Run) bool {
			return len(r.Stops) == 1 && r.Stops[0].Kind == engine.StopHold && r.Stops[0].By == "firebreak" && strings.Contains(r.Stops[0].Reason, dirty)
		}
		w.until("beside", held)
		w.start(fix, "after", other)
		w.until("after", held)
		w.start(fix, "elsewhere", func(f *engine.Facts) { f.Service, f.Resources = "web", map[string]string{"settings": "git:/srv/web"} })
		w.asked("elsewhere", engine.AskGate)
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}

		w = begin(t, mem, newHands(t))
		if o := w.Orders(); len(o) != 1 || o[0].Service != "api" || o[0].By != "firebreak" {
			t.Errorf("what stands is %+v", o)
		}
		// A person says that it may go on.
		if err := w.Order(t.Context(), Order{Kind: engine.StopHold, Service: "api", By: "alice"}); err != nil {
			t.Fatal(err)
		}
		w.asked("beside", engine.AskGate)
		w.until("after", func(r engine.Run) bool { return !r.Stopped() })
	})
}
