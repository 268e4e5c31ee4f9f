package enginetest

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/firebreak-ops/firebreak/engine"
)

var (
	lives  = flag.Int("lives", 1000, "how many lives are simulated")
	seed   = flag.Uint64("seed", 1, "of the first life")
	shrink = flag.Bool("shrink", true, "make the history of a failure as short as possible")
	about  = flag.String("about", "", "what -record says of the history")
	record = flag.String("record", "", "write the history of the first failure, or of the life with -seed, to testdata/histories/NAME.json")
)

// enough is from how many lives on they must have come everywhere.
const enough = 10_000

func TestLives(t *testing.T) {
	n := *lives
	if testing.Short() {
		n /= 10
	}
	all := liveAll(*seed, n)
	if all.failed != nil {
		said := explain(all.failed, *shrink)
		if *record != "" {
			keepHistory(t, *all.failed, *record, *about)
		}
		t.Fatal(said)
	}
	if *record != "" {
		keepHistory(t, newPlot(*seed), *record, *about)
	}
	t.Logf("%d lives, %d runs, %d inputs, %d crashes", n, all.runs, all.inputs, all.crashes)
	if testing.Verbose() {
		for _, r := range slices.SortedFunc(maps.Keys(all.reached), func(a, b reach) int { return strings.Compare(a.String(), b.String()) }) {
			t.Logf("%7d %s", all.reached[r], r)
		}
	}
	if n < enough {
		return
	}
	for _, place := range worth {
		if all.places[place] == 0 {
			t.Errorf("no life came to %s: what is said of it is not tested", place)
		}
	}
	floor, err := os.ReadFile("testdata/reached.txt")
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for r, times := range all.reached {
		at[r.String()] = times
	}
	for line := range strings.Lines(string(floor)) {
		if line = strings.TrimSpace(line); line != "" && at[line] == 0 {
			t.Errorf("no life was struck by %s: the simulator has become weaker", line)
		}
	}
}

// total is what many lives have come to.
type total struct {
	reached      map[reach]int
	places       map[string]int
	runs, inputs int
	crashes      int
	failed       *plot // the first that failed
	err          error
}

// liveAll lives n lives on all processors. The result is the same whatever
// their number is.
func liveAll(first uint64, n int) *total {
	all := &total{reached: map[reach]int{}, places: map[string]int{}}
	var (
		mu    sync.Mutex
		group sync.WaitGroup
		next  atomic.Uint64
		limit atomic.Uint64
	)
	limit.Store(uint64(n))
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for i := next.Add(1) - 1; i < limit.Load(); i = next.Add(1) - 1 {
				p := newPlot(first + i)
				town := liveBy(p)
				mu.Lock()
				all.add(town)
				if town.err != nil && i < limit.Load() {
					limit.Store(i)
					all.failed, all.err = &p, town.err
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return all
}

func (all *total) add(town *town) {
	all.runs += town.open
	all.crashes += town.crashes
	all.inputs += len(town.history)
	for r, n := range town.reached {
		all.reached[r] += n
	}
	for _, l := range town.lives[:town.open] {
		for _, rec := range l.stored {
			all.places[place(rec.Event)]++
		}
	}
}

// explain says what was wrong with a life, and how to live it again.
func explain(p *plot, shrinks bool) string {
	if shrinks {
		*p = shrunk(*p)
	}
	town := liveBy(*p)
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %v\n", p.seed, town.err)
	for _, l := range town.lives[:town.open] {
		fmt.Fprintf(&b, "\nrunbook of %s:\n%s", l.id, l.src)
	}
	fmt.Fprintf(&b, "\n%s\ngo test ./engine/enginetest -run TestLives -lives 1 -seed %d", town.story(), p.seed)
	return b.String()
}

// worth are places that lives must come to, or the ghost judges nothing there.
var worth = []string{
	"succeeded", "no_action", "refused", "failed_clean", "failed_dirty", "cancelled_clean", "cancelled_dirty", "undone",
	"ask gate", "ask verdict", "ask doubt", "ask undo_drift", "ask resume", "ask again",
	"acted none", "acted applied", "acted partial",
	"effect_unknown", "probe_began", "in_doubt", "doubt_resolved", "late_result", "retry_began", "gate_voided",
	"undo_failed", "undo_forced", "step_undone", "effect_left", "member_unplanned", "committed", "stopped", "stop_lifted", "run_recovered",
}

// place is where an event brings a run.
func place(e engine.Event) string {
	switch e := e.(type) {
	case engine.Acted:
		return "acted " + string(e.Outcome.Effect)
	case engine.RunEnded:
		return string(e.Word)
	case engine.QuestionOpened:
		return "ask " + string(e.Question.Kind)
	default:
		return e.Kind()
	}
}
