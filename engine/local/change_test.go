package local

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// asks is how often the gate of a run was asked about, and how many changes of
// others it knows of.
func asks(t *testing.T, w *world, run string) (asks, changes int) {
	t.Helper()
	synctest.Wait()
	r, err := w.Run(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range r.Gates {
		asks += g.Asks
	}
	return asks, len(r.Changes)
}

func TestRunsYieldToChangesOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemory()
		w := begin(t, mem, newHands(t))
		run := w.start(fix, "run")
		other := w.start(fix, "elsewhere", func(f *engine.Facts) { f.Service, f.Resources = "shop", nil })
		synctest.Wait()
		<-time.After(time.Minute)
		first := engine.ServiceChange{Reporter: "machine:ci", ID: "1", At: time.Now(), Title: "v2"}
		if err := w.Changed(t.Context(), "api", first); err != nil {
			t.Fatal(err)
		}
		if asked, changes := asks(t, w, run); asked != 2 || changes != 1 {
			t.Errorf("asked %d times, knows of %d changes", asked, changes)
		}
		if asked, changes := asks(t, w, other); asked != 1 || changes != 0 {
			t.Errorf("of another service: asked %d times, knows of %d changes", asked, changes)
		}
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		second := engine.ServiceChange{Reporter: "machine:ci", ID: "2", At: time.Now(), Title: "v3"}
		w = begin(t, mem, newHands(t), func(c *Config) {
			c.Reported = func(_ context.Context, service string, since time.Time) ([]engine.ServiceChange, error) {
				if service != "api" {
					return nil, nil
				}
				return []engine.ServiceChange{second, first}, nil
			}
		})
		if asked, changes := asks(t, w, run); asked != 3 || changes != 2 {
			t.Errorf("with the next owner: asked %d times, knows of %d changes", asked, changes)
		}
	})
}
