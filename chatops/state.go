package chatops

import (
	"strings"

	"github.com/firebreak-ops/firebreak/engine"
)

// State is where a run of a list stands, in a few words.
func State(h engine.Head) string {
	switch {
	case h.Word == engine.Refused && h.Bar != "":
		return "refused: " + h.Bar
	case h.Word != "":
		return string(h.Word)
	case len(h.Waiting) > 0:
		return "waits: " + strings.Join(h.Waiting, ", ")
	default:
		return string(h.Phase)
	}
}
