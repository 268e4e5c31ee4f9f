package engine_test

import (
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

// foundStories are what the simulator has found wrong, each as short as it
// can be told.
var foundStories = []story{
	{"a verify without the lock proves nothing, whatever the clock says", func(t *testing.T) {
		p := play(t, book(set("a", gated, verified))).Start().Approve("alice")
		p.Now = p.Now.Add(-time.Hour)
		p.Say(engine.BreakLock{By: "bob"}).Sleep(2 * time.Hour).Saw("verify_verdict question_opened").Never("committed")
	}},
	{"undo RUN waits for the lock that was broken", func(t *testing.T) {
		p := play(t, book(set("a", gated, verified), "\n  - wait: 1h")).Start().Approve("alice").Sleep(3 * time.Second)
		p.Say(engine.BreakLock{By: "bob"}).Say(engine.UndoRun{By: "bob"}).Called("a#1/act")
		p.Answer(engine.AskLock, engine.ChoiceRelock, "alice").Called("a#1/act", "a#1/undo").Ended(engine.Undone)
	}},
	{"what is handed back to be verified is verified, though a verdict was open", func(t *testing.T) {
		p := sick(t, "ask").WaitsOn("person").Say(engine.TakeOver{By: "alice"})
		p.Do(func(p *enginetest.Play) { p.World.SetSick(false) }).Say(engine.HandBack{By: "alice", To: engine.HandVerify}).
			Sleep(5 * time.Second).Saw("verify_verdict handed_back sampled verify_verdict committed").Ended(engine.Succeeded)
	}},
}
