package enginetest

import (
	"flag"
	"testing"

	"github.com/firebreak-ops/firebreak/engine"
)

var (
	lives = flag.Int("lives", 2000, "how many lives are simulated")
	seed  = flag.Uint64("seed", 1, "of the first life")
)

func TestLives(t *testing.T) {
	n := *lives
	if testing.Short() {
		n /= 10
	}
	reached := map[string]int{}
	for i := range uint64(n) {
		l, err := liveOnce(*seed + i)
		if err != nil {
			t.Fatalf("%v\n\ngo test ./engine/enginetest -run TestLives -lives 1 -seed %d", err, *seed+i)
		}
		for _, place := range places(l) {
			reached[place]++
		}
	}
	if n < 2000 {
		return
	}
	for _, place := range worth {
		if reached[place] == 0 {
			t.Errorf("no life came to %s: what is said of it is not tested", place)
		}
	}
}

// worth are places that lives must come to, or the ghost judges nothing there.
var worth = []string{
	"succeeded", "no_action", "refused", "failed_clean", "failed_dirty", "cancelled_clean", "cancelled_dirty", "undone",
	"ask gate", "ask verdict", "ask doubt", "ask undo_drift", "ask resume",
	"acted none", "acted applied", "acted partial",
	"effect_unknown", "probe_began", "in_doubt", "doubt_resolved", "late_result", "retry_began", "gate_voided",
	"undo_failed", "undo_forced", "step_undone", "effect_left", "committed", "stopped", "stop_lifted", "run_recovered",
}

// places are those that a life has come to.
func places(l *life) []string {
	var out []string
	for _, rec := range l.stored {
		switch e := rec.Event.(type) {
		case engine.Acted:
			out = append(out, "acted "+string(e.Outcome.Effect))
		case engine.RunEnded:
			out = append(out, string(e.Word))
		case engine.QuestionOpened:
			out = append(out, "ask "+string(e.Question.Kind))
		default:
			out = append(out, e.Kind())
		}
	}
	return out
}
