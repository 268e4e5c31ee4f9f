package local

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/policy"
)

// peakFrom freezes the service api for some minutes from a time on; with
// automation only runs that nobody has started.
func peakFrom(begin time.Time, automation bool) func(*Config) {
	rules := []policy.Freeze{{
		Rule: "firebreak.yaml:3 freezes.peak", Services: []string{"api"}, Automation: automation,
		Window: policy.Window{Zone: time.UTC, Spans: []policy.Span{{From: begin, Until: begin.Add(10 * time.Minute)}}},
	}}
	return func(c *Config) {
		c.Freezes = func(at time.Time) ([]policy.Frozen, time.Time) { return policy.Standing(rules, at) }
	}
}

// waitsOn is what a run waits for.
func waitsOn(t *testing.T, w *world, run string) string {
	t.Helper()
	synctest.Wait()
	r, err := w.Run(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	var on string
	for _, wait := range r.Waits() {
		on += wait.On + " "
	}
	return on
}

func TestAFreezeBeginsAndEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, newMemory(), newHands(t), peakFrom(time.Now().Add(time.Minute), false))
		run := w.start(fix, "before")
		if on := waitsOn(t, w, run); on != "approval " {
			t.Errorf("before the freeze it waits on %s", on)
		}
		<-time.After(time.Minute)
		if on := waitsOn(t, w, run); on != "frozen " {
			t.Errorf("in the freeze it waits on %s", on)
		}
		late := w.start(fix, "in it", func(f *engine.Facts) { f.Resources = nil })
		if on := waitsOn(t, w, late); on != "frozen " {
			t.Errorf("one that begins in the freeze waits on %s", on)
		}
		other := w.start(fix, "elsewhere", func(f *engine.Facts) { f.Service, f.Resources = "shop", nil })
		if on := waitsOn(t, w, other); on != "approval " {
			t.Errorf("one of another service waits on %s", on)
		}
		<-time.After(10 * time.Minute)
		for _, id := range []string{run, late} {
			if on := waitsOn(t, w, id); on != "approval " {
				t.Errorf("after the freeze %s waits on %s", id, on)
			}
		}
	})
}

func TestAFreezeOutlastsTheOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem, from := newMemory(), time.Now()
		w := begin(t, mem, newHands(t), peakFrom(from, false))
		run := w.start(fix, "run")
		if on := waitsOn(t, w, run); on != "frozen " {
			t.Fatalf("it waits on %s", on)
		}
		restart := func(after time.Duration, change func(*Config), want string) {
			t.Helper()
			if err := w.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			<-time.After(after)
			w = begin(t, mem, newHands(t), change)
			if on := waitsOn(t, w, run); on != want {
				t.Errorf("with the next owner it waits on %s, wanted %s", on, want)
			}
		}
		restart(time.Minute, peakFrom(from, false), "frozen ")
		restart(time.Minute, peakFrom(from.Add(time.Hour), false), "approval ") // the rule is another
		restart(2*time.Hour, peakFrom(from, false), "approval ")                // it is over
	})
}

func TestAFreezeOfAutomationAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, newMemory(), newHands(t), peakFrom(time.Now(), true))
		alert := w.start(fix, "alert", func(f *engine.Facts) { f.Resources = nil })
		person := w.start(fix, "person", func(f *engine.Facts) {
			f.Requester, f.Resources = engine.Requester{Kind: "person", Name: "bob"}, nil
		})
		if on := waitsOn(t, w, alert); on != "frozen " {
			t.Errorf("a run that an alert began waits on %s", on)
		}
		if on := waitsOn(t, w, person); on != "approval " {
			t.Errorf("a run that a person began waits on %s", on)
		}
	})
}

// What stands may change without the clock: the runtime is told to look.
func TestRefreeze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stand []policy.Frozen
		w := begin(t, newMemory(), newHands(t), func(c *Config) {
			c.Freezes = func(time.Time) ([]policy.Frozen, time.Time) { return stand, time.Time{} }
		})
		run := w.start(fix, "run")
		synctest.Wait()
		stand = []policy.Frozen{{Freeze: policy.Freeze{Rule: "storm"}}}
		w.Refreeze()
		if on := waitsOn(t, w, run); on != "frozen " {
			t.Errorf("it waits on %s", on)
		}
		stand = nil
		w.Refreeze()
		if on := waitsOn(t, w, run); on != "approval " {
			t.Errorf("afterwards it waits on %s", on)
		}
	})
}
