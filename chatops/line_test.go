package chatops

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// TestPeople plays what people say about a gate, and to a run.
func TestPeople(t *testing.T) {
	q := engine.Question{ID: "q", Kind: engine.AskGate, Path: "cure", Text: "May it?", Roles: []string{"sre", "leads"}, Quorum: 2,
		Expires: asked.Add(8 * time.Minute), Escalates: []engine.Escalation{{Role: "leads", At: asked.Add(3 * time.Minute)}}}
	run := engine.New(&runbook.Runbook{})
	var said []string
	for i, e := range []engine.Event{
		engine.RunStarted{Facts: engine.Facts{ID: "r1"}},
		engine.QuestionAnnounced{Path: "cure", Roles: []string{"sre", "leads"}},
		engine.QuestionOpened{Question: q},
		engine.VoteCounted{ID: "q", Path: "cure", By: "ann"},
		engine.QuestionHanded{ID: "q", Path: "cure", By: "bob", To: "eve", Reason: "she knows it"},
		engine.QuestionExtended{ID: "q", Path: "cure", By: "ann", Expires: asked.Add(9 * time.Minute)},
		engine.QuestionEscalated{ID: "q", Path: "cure", Role: "leads"},
		engine.VoteWithdrawn{ID: "q", Path: "cure", By: "ann", Reason: "the wrong pool"},
		engine.Stopped{Stop: engine.Stop{Kind: engine.StopTakeOver, By: "ann", Reason: "by hand"}},
		engine.HandedBack{By: "ann", To: engine.HandVerify, Path: "cure", Reason: "done"},
		engine.HandedBack{By: "ann", To: engine.HandEnd},
		engine.HandedBack{By: "ann", To: engine.HandResume},
		engine.LocksWanted{Identities: []string{"a", "b"}},
		engine.LockBroken{By: "bob"},
	} {
		rec := engine.Record{Seq: i + 1, At: asked, Event: e}
		run = engine.Apply(run, rec)
		for _, l := range Outline(nil).Lines(&run, rec, "r1") {
			said = append(said, strings.TrimSpace(l.Name+" "+l.Text))
			said = append(said, l.Detail...)
		}
		if e.Kind() == (engine.QuestionEscalated{}).Kind() {
			said = append(said, Outline(nil).Card("", *run.Questions["q"], asked, 0)...)
		}
	}
	want := []string{
		"cure will need a yes of sre or leads",
		"cure May it?  (waits for sre or leads, 8m0s left)",
		"  2 people must say yes", "  leads is asked next, in 3m0s",
		"  firebreak approve r1", "  firebreak deny r1 --reason WHY",
		"cure ann said yes; 1 of 2",
		"cure bob has left the answer to eve: she knows it",
		"cure kept open by ann, 9m0s left",
		"cure nobody has answered; leads is asked, too",
		"May it?  (waits for sre or leads, 9m0s left)", "  1 of 2 have said yes: ann", "  bob has left the answer to eve",
		"cure ann took back their yes: the wrong pool; 0 of 2",
		"nothing is changed: taken over by ann: by hand", "firebreak hand-back r1 resume | verify | end",
		"handed back by ann: what is left of cure was done by hand, and is verified: done",
		"handed back by ann: it ends as things are",
		"handed back by ann: it goes on",
		"others may change a, b",
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
}
