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
	{"a run that undoes another is not undone before its gate is passed", func(t *testing.T) {
		done := undone(t)
		p := play(t, undoBook).Do(func(p *enginetest.Play) { p.Locked = true }).Start(rows(done, nil))
		p.Refused(engine.UndoRun{By: "alice"}, "undoes run r1").Called()
	}},
	{"the undos of a run that undoes another have names of their own", func(t *testing.T) {
		src := book(set("a", gated, verified))
		done := play(t, src).On("a#1/undo", enginetest.None("unavailable")).Start().Approve("alice").Say(engine.UndoRun{By: "alice"}).Ended(engine.FailedDirty)
		p := play(t, src)
		p.World = done.World
		p.World.Forget()
		p.Start(rows(done, nil)).Approve("alice").Called("a#1/undo").Ended(engine.Undone)
	}},
	{"a clock behind takes no time from people", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		p.Now = p.Now.Add(-2 * time.Minute)
		p.Approve("alice").Ended(engine.Succeeded)
		if asked, waited := p.Run.AskedFor, p.Run.WaitedFor("", p.Now); asked != 0 || waited.Asked != 0 || waited.Held != 0 {
			t.Errorf("people were waited for %s, %+v", asked, waited)
		}
	}},
	{"what is handed back to be verified is verified, though a verdict was open", func(t *testing.T) {
		p := sick(t, "ask").WaitsOn("person").Say(engine.TakeOver{By: "alice"})
		p.Do(func(p *enginetest.Play) { p.World.SetSick(false) }).Say(engine.HandBack{By: "alice", To: engine.HandVerify}).
			Sleep(5 * time.Second).Saw("verify_verdict handed_back sampled verify_verdict committed").Ended(engine.Succeeded)
	}},
}
