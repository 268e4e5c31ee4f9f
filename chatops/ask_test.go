package chatops

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// TestWaiverOver holds that who is asked is told of a verify that is not waived
// any more, of the step or around it, and of no other.
func TestWaiverOver(t *testing.T) {
	waived := func(path, until string) *runbook.Step {
		return &runbook.Step{Path: path, Verify: &runbook.Verify{None: "a test", Owner: "sre", LastDay: until}}
	}
	s := Story{Run: engine.Run{Book: &runbook.Runbook{Steps: []*runbook.Step{waived("cure", "2024-07-14"), waived("cure/one", "2024-07-15"), waived("other", "2024-01-01")}}}}
	for path, want := range map[string]string{
		"cure": "the verify of cure was waived by sre until 2024-07-14, which is over: a test", "curette": "",
		"cure/one": "the verify of cure was waived by sre until 2024-07-14, which is over: a test",
	} {
		a := &Asked{Path: path, State: Open, Since: asked, Question: engine.Question{Kind: engine.AskGate}}
		got := ""
		for _, f := range s.askFields(a) {
			if f.Name == "Not verified" {
				got = f.Text
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		a.Since = a.Since.Add(-24 * time.Hour)
		if got := s.unwaived(a); got != "" {
			t.Errorf("%s, a day before: %s", path, got)
		}
	}
}

// TestCardKeeps holds that the card, and what it says in full, name what stays
// changed and why.
func TestCardKeeps(t *testing.T) {
	s := &Story{Run: engine.Run{Book: &runbook.Runbook{}}}
	a := &Asked{State: Open, Question: engine.Question{Kind: engine.AskGate, Kept: []engine.Kept{{Path: "cure", Why: "somebody changed it"}}}}
	for name, c := range map[string]Card{"card": s.Ask(a, asked), "details": s.Details(a)} {
		last := c.Parts[len(c.Parts)-1]
		if last.Title != "Stays changed" || last.Text != "cure: somebody changed it" {
			t.Errorf("the %s ends with %+v", name, last)
		}
	}
}
