package enginetest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// histories is where recorded histories stay for ever: good ones, and bad
// ones of engines that did wrong.
const histories = "testdata/histories"

// TestHistories replays every history: its records still lead to the same end,
// and the judge still says the same of it. One that no longer does so was
// recorded by an engine whose runs this one cannot take over.
func TestHistories(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(histories, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	good, bad := 0, 0
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var h recorded
			if err := json.Unmarshal(raw, &h); err != nil {
				t.Fatal(err)
			}
			verdict, ends, err := h.replay()
			if err != nil {
				t.Fatal(err)
			}
			if verdict != h.Verdict {
				t.Errorf("the judge says %q, and said %q", verdict, h.Verdict)
			}
			if d := cmp.Diff(h.Ends, ends); d != "" {
				t.Errorf("it ends otherwise (-recorded +now):\n%s", d)
			}
			if h.Verdict == "" {
				good++
			} else {
				bad++
			}
		})
	}
	if good == 0 || bad == 0 {
		t.Errorf("%d good histories and %d bad ones", good, bad)
	}
}

// keepHistory writes the history of a life to the tree.
func keepHistory(t *testing.T, p plot, name, about string) {
	t.Helper()
	town := liveBy(p)
	h, err := town.record(about)
	if err != nil {
		t.Fatal(err)
	}
	if town.err != nil && h.Verdict == "" {
		t.Logf("not kept: moments alone do not show that %v", town.err)
		return
	}
	b, err := h.bytes()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(histories, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(histories, name+".json"), b, 0o644); err != nil {
		t.Fatal(err)
	}
}
