package local

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// The clock is put back a year between two owners, and two years pass between
// the next two, if the clock is right: questions stay open, answers count,
// what waited goes on at last, and nothing is done twice.
func TestClockJumpsBetweenOwners(t *testing.T) {
	const year = 365 * 24 * time.Hour
	other := func(resource string) func(*engine.Facts) {
		return func(f *engine.Facts) { f.Resources = map[string]string{"settings": resource} }
	}
	synctest.Test(t, func(t *testing.T) {
		mem, h := newMemory(), newHands(t)
		ahead := time.Now().Add(year)
		w := begin(t, mem, h, func(c *Config) {
			c.Now = func() time.Time { return time.Now().Add(year) }
		})
		first, second := w.start(fix, "first"), w.start(fix, "second", other("git:/srv/other"))
		resting := w.start(pause, "resting")
		w.asked(first, engine.AskGate)
		w.asked(second, engine.AskGate)
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		mem.mu.Lock()
		mem.seen = ahead
		mem.mu.Unlock()

		w = begin(t, mem, h) // a year earlier
		w.approve(first)
		if word := w.ended(first); word != engine.Succeeded {
			t.Errorf("the clock was put back: %s: %v", word, mem.kinds(first))
		}
		if r, err := w.Run(t.Context(), resting); err != nil || r.Ended() {
			t.Errorf("what waits for a time that has not come has ended: %v", err)
		}
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}

		<-time.After(2 * year)
		w = begin(t, mem, h)
		w.approve(second)
		for _, id := range []string{second, resting} {
			if word := w.ended(id); word != engine.Succeeded && word != engine.NoAction {
				t.Errorf("the clock was put forward: %s ended as %s: %v", id, word, mem.kinds(id))
			}
		}
		ids := h.ids()
		for _, run := range []string{first, second} {
			acts := slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
				return !strings.HasPrefix(id, run+"/apply#") || !strings.HasSuffix(id, "/act")
			})
			if len(acts) != 1 {
				t.Errorf("%s was changed by %q", run, acts)
			}
		}
	})
}
