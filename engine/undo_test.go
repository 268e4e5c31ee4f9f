package engine_test

import (
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

// A probe of a lost undo gets what the undo's plan returned: without it a
// plugin could not tell what became of the undo.
func TestLostUndoIsProbedByItsPlan(t *testing.T) {
	p := play(t, book(set("a", gated, verify("undo")))).
		On("a#1/undo", enginetest.Lost(true)).On("a#1/undo.probe.2", enginetest.Silent(true))
	p.World.SetSick(true)
	p.Start().Approve("alice").Sleep(11 * time.Second)
	for _, c := range engine.Pending(p.Run) {
		if probe, ok := c.(engine.Probe); ok {
			if len(probe.Undo) == 0 {
				t.Errorf("%s has nothing to look by", probe.ID)
			}
			return
		}
	}
	t.Fatalf("the undo is not being probed: %v", engine.Pending(p.Run))
}
