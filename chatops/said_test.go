package chatops

import (
	"slices"
	"testing"

	"github.com/firebreak-ops/firebreak/engine"
)

// TestLastLines tells what a call said at last, and of which call.
func TestLastLines(t *testing.T) {
	o := Outline{"deploy": {Name: "deploy", Named: true}}
	lines := []string{"pulling", "no space left"}
	for undo, text := range map[bool]string{false: "its last lines", true: "the last lines of its undo"} {
		all := o.Lines(&engine.Run{}, engine.Record{Event: engine.StepSaid{Path: "deploy", Attempt: 1, Undo: undo, Lines: lines}}, "r1")
		if len(all) != 1 || all[0].Name != "deploy" || all[0].Text != text || !slices.Equal(all[0].Detail, lines) || !all[0].Tail {
			t.Errorf("%+v", all)
		}
	}
}
