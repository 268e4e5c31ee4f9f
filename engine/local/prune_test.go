package local

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/engine"
)

// A run that was pruned is gone from memory, too, and who still has it in
// hand stops nobody.
func TestPrune(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, newMemory(), newHands(t))
		old, open := w.start(fix, "old"), w.start(pause, "open")
		w.approve(old)
		if word := w.ended(old); word != engine.Succeeded {
			t.Fatal(word)
		}
		synctest.Wait()
		w.mu.Lock()
		inHand := *w.lives[old] // as a call that comes back just now has it
		w.mu.Unlock()
		got, err := w.Prune(t.Context(), time.Now().Add(time.Second), "alice", "enough")
		if err != nil || !cmp.Equal(got.Runs, []string{old}) {
			t.Fatalf("%+v, %v", got, err)
		}
		if _, err := w.Run(t.Context(), old); !errors.Is(err, ErrPruned) || class(err) != ClassNotFound {
			t.Errorf("it can be seen: %v", err)
		}
		if _, err := w.decide(&inHand, []item{{in: engine.Cancel{By: "mallory"}}}); !errors.Is(err, ErrPruned) {
			t.Errorf("something more of it was decided: %v", err)
		}
		if err := w.Give(t.Context(), old, engine.Cancel{By: "alice"}); class(err) != ClassNotFound {
			t.Errorf("it takes inputs: %v", err)
		}
		facts := engine.Facts{ID: old, Pins: engine.Pins{Runbook: Digest([]byte(pause))}}
		if _, err := w.Start(t.Context(), facts, []byte(pause)); class(err) != ClassInvalid {
			t.Errorf("another run has its name: %v", err)
		}
		if _, err := w.Run(t.Context(), open); err != nil || w.Err() != nil {
			t.Errorf("the others: %v, %v", err, w.Err())
		}
	})
}
