package runbook

import (
	"fmt"
	"testing"
)

// A file that is written while it is read for the second time must not make a
// run do anything but what is pinned.
func TestPinnedIsWhatRuns(t *testing.T) {
	n := 0
	library := func(string) (string, []byte, error) {
		n++
		return "x.yaml", fmt.Appendf(nil, "firebreak: v1\nname: x\nsteps:\n  - wait: %ds\n", n), nil
	}
	book, problems := Parse("a.yaml", []byte("firebreak: v1\nname: a\nsteps:\n  - call: x\n  - call: x\n"), nil, library)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	again, problems := Load("a.yaml", book.Pinned, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for i := range book.Steps {
		if runs, pinned := book.Steps[i].Steps[0].For, again.Steps[i].Steps[0].For; runs != pinned {
			t.Errorf("call %d: %s runs, %s is pinned", i+1, runs, pinned)
		}
	}
}
