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
	{"people are never waited for less than nothing", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start().WaitsOn("approval")
		p.Now = p.Now.Add(-time.Hour) // the clock is set back
		p.Say(engine.Cancel{By: "dora"}).Ended(engine.CancelledClean)
		if ended, ok := p.Journal[len(p.Journal)-1].Event.(engine.RunEnded); p.Run.AskedFor < 0 || ok && ended.AskedFor < 0 {
			t.Errorf("people were waited for %s", p.Run.AskedFor)
		}
	}},
	{"a verify without the lock proves nothing, whatever the clock says", func(t *testing.T) {
		p := play(t, book(set("a", gated, verified))).Start().Approve("alice")
		p.Now = p.Now.Add(-time.Hour)
		p.Say(engine.BreakLock{By: "bob"}).Sleep(2 * time.Hour).Saw("verify_verdict question_opened").Never("committed")
	}},
	{"a run that fails while it waits for its broken lock still waits for it", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+"\n  - wait: 1h", gated, unverified))).Start().Approve("alice").Say(engine.BreakLock{By: "bob"})
		p.Locked = true
		p.Answer(engine.AskLock, engine.ChoiceRelock, "alice").Say(engine.Cancel{By: "dora", Undo: true}).Called("g/a#1/act")
		p.Answer(engine.AskLock, engine.ChoiceRelock, "alice").WaitsOn("lock")
		p.Locked = false
		p.Settle().Answer(engine.AskResume, engine.ChoiceResume, "alice").Called("g/a#1/act", "g/a#1/undo").Ended(engine.CancelledClean)
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
