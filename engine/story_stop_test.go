package engine_test

import (
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

const applied = `{"key":"a","value":0}`

func returned(id, left string) engine.Returned {
	return engine.Returned{ID: "r1/" + id, Outcome: engine.Outcome{
		Effect: engine.EffectApplied, Receipt: []byte(applied), Left: left, Outputs: []byte(`{"value":7}`)}}
}

var handlerStories = []story{
	{"on_failure runs after the undos, and finally last", func(t *testing.T) {
		p := play(t, book(group("g", set("a"), gated, verify("undo")))+
			"\non_failure:"+step("notify: ops", "text: '${{ run.failure.class }} at ${{ run.failure.step }}, ${{ run.failure.effect }}'")+
			"\nfinally:"+read("z"))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11 * time.Second).
			Saw("step_undone phase_entered notice_queued phase_entered read_began run_ended").Ended(engine.FailedClean)
		if got := p.Run.Notices[0].Text; got != "verify at g, applied" {
			t.Error(got)
		}
	}},
	{"no on_failure after all went well", func(t *testing.T) {
		play(t, book(read("a"))+"\non_failure:"+step("notify: ops", "text: bad")+"\nfinally:"+read("z")).Start().
			Never("notice_queued").Status("finally/z", engine.StatusSucceeded).Ended(engine.NoAction)
	}},
	{"no on_failure after a cancel", func(t *testing.T) {
		play(t, book("\n  - wait: 1m")+"\non_failure:"+step("notify: ops", "text: bad")+"\nfinally:"+read("z")).Start().
			Say(engine.Cancel{By: "dora"}).Never("notice_queued").Saw("read_began").Ended(engine.CancelledClean)
	}},
	{"no on_failure after a refusal", func(t *testing.T) {
		play(t, book(set("a", gated, unverified))+"\non_failure:"+step("notify: ops", "text: bad")+"\nfinally:"+read("z")).Start().
			Deny("alice", false).Never("notice_queued").Saw("read_began").Ended(engine.Refused)
	}},
	{"a handler may change something behind its own gate", func(t *testing.T) {
		play(t, book(read("a"))+"\non_failure:"+bump("b", gated, unverified)).On("a#1/act", enginetest.None("invalid")).Start().
			WaitsOn("approval").Approve("alice").Holds("b", 1).Ended(engine.FailedClean)
	}},
	{"a gate denied in a handler skips its step", func(t *testing.T) {
		play(t, book(read("a"))+"\non_failure:"+bump("b", gated, unverified)+read("c")).On("a#1/act", enginetest.None("invalid")).Start().
			Deny("alice", false).Status("on_failure/b", engine.StatusSkipped).Status("on_failure/c", engine.StatusSucceeded).Ended(engine.FailedClean)
	}},
	{"a handler that fails undoes its own, and finally runs", func(t *testing.T) {
		p := play(t, book(read("a"))+"\non_failure:"+bump("b", gated, verify("undo"))+read("c")+"\nfinally:"+read("z")).
			On("a#1/act", enginetest.None("invalid"))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).Holds("b", 0).Status("on_failure/c", engine.StatusPending).
			Status("finally/z", engine.StatusSucceeded).Ended(engine.FailedClean)
	}},
	{"a handler's failure leaves what was kept", func(t *testing.T) {
		p := play(t, book(set("a", gated, verify("keep")))+"\non_failure:"+bump("b", gated, verify("undo")))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).Approve("alice").Sleep(11*time.Second).
			Holds("a", 7).Holds("b", 0).Ended(engine.FailedDirty)
	}},
	{"a step that fails in finally is listed, and the rest runs", func(t *testing.T) {
		play(t, book(read("a"))+"\nfinally:"+read("y")+read("z")).On("finally/y#1/act", enginetest.None("invalid")).Start().
			Status("finally/y", engine.StatusFailed).Status("finally/z", engine.StatusSucceeded).Ended(engine.NoAction)
	}},
	{"a group that fails in finally keeps the word", func(t *testing.T) {
		play(t, book(set("a", gated, unverified))+"\nfinally:"+group("y", read("x"))+read("z")).On("finally/y/x#1/act", enginetest.None("invalid")).
			Start().Approve("alice").Status("finally/y", engine.StatusFailed).Status("finally/z", engine.StatusSucceeded).Ended(engine.Succeeded)
	}},
	{"a change in finally that stays makes the end dirty", func(t *testing.T) {
		play(t, book(read("a"))+"\nfinally:"+once("y", gated, unverified)+read("z")).On("finally/y#1/act", enginetest.Partial()).
			Start().Approve("alice").Status("finally/z", engine.StatusSucceeded).Ended(engine.FailedDirty)
	}},
	{"finally only reads after a failed undo", func(t *testing.T) {
		p := play(t, book(set("a", gated, verify("undo")))+"\nfinally:"+group("x", bump("y")+read("z"), gated, verified)).
			On("a#1/undo", enginetest.None("internal"))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).Status("finally/x/y", engine.StatusSkipped).
			Status("finally/x/z", engine.StatusSucceeded).Ended(engine.FailedDirty)
	}},
	{"finally only reads after a cancel", func(t *testing.T) {
		play(t, book("\n  - wait: 1m")+"\nfinally:"+bump("y", gated, unverified)+read("z")).Start().Say(engine.Cancel{By: "dora"}).
			Status("finally/y", engine.StatusSkipped).Status("finally/z", engine.StatusSucceeded).Ended(engine.CancelledClean)
	}},
	{"a cancel in on_failure goes to finally", func(t *testing.T) {
		play(t, book(read("a"))+"\non_failure:\n  - wait: 1h\nfinally:"+read("z")).On("a#1/act", enginetest.None("invalid")).Start().
			Say(engine.Cancel{By: "dora"}).Status("finally/z", engine.StatusSucceeded).Ended(engine.FailedClean)
	}},
	{"a cancel while undoing keeps on_failure out", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+set("b"), gated, verify("undo")))+"\non_failure:"+step("notify: ops", "text: bad")).
			On("g/b#1/undo", enginetest.Silent(true))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).Say(engine.Cancel{By: "dora"}).
			Give(returned("g/b#1/undo", "b=0")).Settle().Called("g/a#1/act", "g/b#1/act", "g/b#1/undo").
			Holds("a", 7).Ended(engine.FailedDirty)
	}},
	{"a run that is ending is not cancelled", func(t *testing.T) {
		play(t, book(read("a"))+"\nfinally:\n  - wait: 1m").Start().Refused(engine.Cancel{By: "dora"}, "already ending").
			Refused(engine.UndoRun{By: "alice"}, "already ending").Sleep(time.Minute).Ended(engine.NoAction)
	}},
}

var stopStories = []story{
	{"a cancel before anything has begun", func(t *testing.T) {
		play(t, book(set("a", gated, unverified))).Start().Say(engine.Cancel{By: "dora", Reason: "wrong service"}).Called().Ended(engine.CancelledClean)
	}},
	{"a cancel cuts a read", func(t *testing.T) {
		play(t, book(read("a"))).On("a#1/act", enginetest.Silent(false)).Start().Say(engine.Cancel{By: "dora"}).
			Status("a", engine.StatusCancelled).Ended(engine.CancelledClean)
	}},
	{"a cancel waits for a change in flight, and leaves it", func(t *testing.T) {
		play(t, book(set("a", gated, unverified))).On("a#1/act", enginetest.Silent(true)).Start().Approve("alice").
			Say(engine.Cancel{By: "dora"}).Never("run_ended").Give(returned("a#1/act", "a=7")).Settle().
			Called("a#1/act").Holds("a", 7).Ended(engine.CancelledDirty)
	}},
	{"a cancel that undoes", func(t *testing.T) {
		play(t, book(set("a", gated, unverified))).On("a#1/act", enginetest.Silent(true)).Start().Approve("alice").
			Say(engine.Cancel{By: "dora", Undo: true}).Give(returned("a#1/act", "a=7")).Settle().
			Called("a#1/act", "a#1/undo").Holds("a", 0).Ended(engine.CancelledClean)
	}},
	{"a cancel closes what was asked", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		q := p.Question(engine.AskGate)
		p.Say(engine.Cancel{By: "dora"}).Refused(engine.Vote{By: "alice", Question: q.ID, Digest: q.Digest, Approve: true}, "has ended")
	}},
	{"a cancel while verifying commits nothing", func(t *testing.T) {
		play(t, book(set("a", gated, verified))).Start().Approve("alice").Sleep(time.Second).Say(engine.Cancel{By: "dora"}).
			Never("committed").Holds("a", 7).Ended(engine.CancelledDirty)
	}},
	{"a cancel while something is in doubt waits for the answer", func(t *testing.T) {
		play(t, book(bump("a", gated, unverified))).On("a#1/act", enginetest.Lost(true)).Start().Approve("alice").
			Say(engine.Cancel{By: "dora"}).WaitsOn("in_doubt").Answer(engine.AskDoubt, engine.ChoiceHappened, "alice").Ended(engine.CancelledDirty)
	}},
	{"a cancel beside an undo's question keeps it from beginning", func(t *testing.T) {
		sickThenChanged(t).Say(engine.Cancel{By: "dora"}).Called("a#1/act").Ended(engine.FailedDirty)
	}},
	{"a cancel that undoes asks about a changed target again", func(t *testing.T) {
		sickThenChanged(t).Say(engine.Cancel{By: "dora", Undo: true}).WaitsOn("person").
			Answer(engine.AskDrift, engine.ChoiceForce, "alice").Ended(engine.FailedClean)
	}},
	{"a halt voids what was asked, and asks again when it is lifted", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		q := p.Question(engine.AskGate)
		p.Say(engine.Halt{By: "alice", Reason: "wait"}).WaitsOn("halted").
			Refused(engine.Vote{By: "alice", Question: q.ID, Digest: q.Digest, Approve: true}, "closed").
			Sleep(time.Hour).WaitsOn("halted").Say(engine.Lift{By: "alice"}).WaitsOn("approval").Approve("bob").Ended(engine.Succeeded)
	}},
	{"a halt voids a yes that was not used", func(t *testing.T) {
		play(t, book(group("g", "\n  - wait: 1m"+set("a"), gated, unverified))).Start().Approve("alice").
			Say(engine.Halt{By: "alice"}).Say(engine.Lift{By: "alice"}).Sleep(time.Minute).Called().WaitsOn("approval").
			Approve("alice").Ended(engine.Succeeded)
	}},
	{"a halt voids the yes for the rest of a group", func(t *testing.T) {
		play(t, book(group("g", set("a")+"\n  - wait: 1m"+set("b"), gated, unverified))).Start().Approve("alice").
			Say(engine.Halt{By: "alice"}).Sleep(time.Minute).Called("g/a#1/act").Say(engine.Lift{By: "alice"}).
			WaitsOn("approval").Called("g/a#1/act").Approve("bob").Ended(engine.Succeeded)
	}},
	{"a halt lets what is in flight end", func(t *testing.T) {
		play(t, book(group("g", set("a")+set("b"), gated, unverified))).On("g/a#1/act", enginetest.Silent(true)).Start().Approve("alice").
			Say(engine.Halt{By: "alice"}).Give(returned("g/a#1/act", "a=7")).Settle().Saw("stopped acted").WaitsOn("halted").
			Called("g/a#1/act")
	}},
	{"a halt drops a passed guard", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified, guarded))).On("a#1/guard.2", enginetest.Silent(false)).Start().Approve("alice").
			Say(engine.Halt{By: "alice"})
		p.Give(engine.Returned{ID: "r1/a#1/guard.2", Outcome: engine.Outcome{Outputs: []byte(`{"value":0}`)}})
		p.Called().Say(engine.Lift{By: "alice"}).WaitsOn("approval").Approve("alice").Saw("guard_passed intended").Ended(engine.Succeeded)
	}},
	{"a halt lets a verify go on", func(t *testing.T) {
		play(t, book(set("a", gated, verified))).Start().Approve("alice").Say(engine.Halt{By: "alice"}).
			Sleep(3 * time.Second).Saw("verify_verdict committed").Ended(engine.Succeeded)
	}},
	{"a halt lets reads go on", func(t *testing.T) {
		play(t, book(read("a"), group("g", set("b")+read("c"), gated, unverified), read("d"))).
			Start(func(f *engine.Facts) { f.Stops = []engine.Stop{{Kind: engine.StopHalt, By: "alice"}} }).
			Status("a", engine.StatusSucceeded).WaitsOn("halted").Never("question_opened").
			Say(engine.Lift{By: "alice"}).Approve("alice").Ended(engine.Succeeded)
	}},
	{"a halt holds an undo back until a person says so", func(t *testing.T) {
		p := play(t, book(set("a", gated, verify("undo"))))
		p.World.SetSick(true)
		p.Start().Approve("alice").Say(engine.Halt{By: "alice"}).Sleep(11*time.Second).WaitsOn("halted").Called("a#1/act").
			Say(engine.Lift{By: "alice"}).WaitsOn("person").Called("a#1/act").
			Answer(engine.AskResume, engine.ChoiceResume, "bob").Called("a#1/act", "a#1/undo").Ended(engine.FailedClean)
	}},
	{"an undo that a halt held back may be left", func(t *testing.T) {
		p := play(t, book(set("a", gated, verify("undo"))))
		p.World.SetSick(true)
		p.Start().Approve("alice").Say(engine.Halt{By: "alice"}).Sleep(11*time.Second).Say(engine.Lift{By: "alice"}).
			Answer(engine.AskResume, engine.ChoiceKeep, "bob").Called("a#1/act").Ended(engine.FailedDirty)
	}},
	{"a second halt closes the question of the first", func(t *testing.T) {
		p := play(t, book(set("a", gated, verify("undo"))))
		p.World.SetSick(true)
		p.Start().Approve("alice").Say(engine.Halt{By: "alice"}).Sleep(11 * time.Second).Say(engine.Lift{By: "alice"})
		q := p.Question(engine.AskResume)
		p.Say(engine.Halt{By: "alice"}).WaitsOn("halted").
			Refused(engine.Answer{By: "bob", Question: q.ID, Choice: engine.ChoiceResume}, "closed").
			Say(engine.Lift{By: "alice"}).WaitsOn("person").Called("a#1/act")
	}},
	{"a person undoes a run under a halt that stood", func(t *testing.T) {
		play(t, book(set("a", gated, verified), "\n  - wait: 1h")).Start().Approve("alice").Sleep(3*time.Second).
			Say(engine.Halt{By: "alice"}).Say(engine.UndoRun{By: "bob"}).Called("a#1/act", "a#1/undo").Ended(engine.Undone)
	}},
	{"a later halt stops an undo that a person asked for", func(t *testing.T) {
		play(t, book(set("a", gated, verified), set("b", gated, verified), "\n  - wait: 1h")).On("b#1/undo", enginetest.Silent(true)).Start().
			Approve("alice").Sleep(3*time.Second).Approve("alice").Sleep(3*time.Second).Say(engine.UndoRun{By: "bob"}).
			Say(engine.Halt{By: "alice"}).Give(returned("b#1/undo", "b=0")).Settle().WaitsOn("halted").
			Called("a#1/act", "b#1/act", "b#1/undo").Say(engine.Lift{By: "alice"}).
			Answer(engine.AskResume, engine.ChoiceResume, "bob").Called("a#1/act", "b#1/act", "b#1/undo", "a#1/undo").Ended(engine.Undone)
	}},
	{"a cancel that undoes does not pass a halt", func(t *testing.T) {
		play(t, book(group("g", set("a")+"\n  - wait: 1h", gated, unverified))).Start().Approve("alice").Say(engine.Halt{By: "alice"}).
			Say(engine.Cancel{By: "dora", Undo: true}).WaitsOn("halted").Called("g/a#1/act").
			Say(engine.Lift{By: "alice"}).WaitsOn("person").Called("g/a#1/act")
	}},
	{"a halt in a handler holds its changes back", func(t *testing.T) {
		play(t, book(read("a"))+"\non_failure:"+bump("b", gated, unverified)).On("a#1/act", enginetest.None("invalid")).Start().
			Say(engine.Halt{By: "alice"}).WaitsOn("halted").Say(engine.Lift{By: "alice"}).Approve("alice").Ended(engine.FailedClean)
	}},
	{"a second halt says nothing new", func(t *testing.T) {
		p := play(t, book("\n  - wait: 1m")).Start().Say(engine.Halt{By: "alice"})
		n := len(p.Journal)
		p.Say(engine.Halt{By: "bob"})
		if got := p.Kinds(n); got != "" {
			t.Error(got)
		}
	}},
}

var skipStories = []story{
	{"a step that waits is skipped", func(t *testing.T) {
		play(t, book(step("id: w", "wait: 1h"), read("b"))).Start().Say(engine.Skip{By: "dora", Path: "w"}).
			Status("w", engine.StatusSkipped).Ended(engine.NoAction)
	}},
	{"a step that is read is skipped", func(t *testing.T) {
		play(t, book(read("a"), read("b"))).On("a#1/act", enginetest.Silent(false)).Start().Say(engine.Skip{By: "dora", Path: "a"}).
			Status("a", engine.StatusSkipped).Ended(engine.NoAction)
	}},
	{"a step to come is skipped", func(t *testing.T) {
		play(t, book("\n  - wait: 1m", set("a", gated, unverified))).Start().Say(engine.Skip{By: "alice", Path: "a"}).
			WaitsOn("timer").Sleep(time.Minute).Saw("step_skipped").Called().Ended(engine.NoAction)
	}},
	{"a group is skipped, never its gate", func(t *testing.T) {
		play(t, book(group("g", set("a")+set("b"), gated, unverified), read("c"))).Start().Say(engine.Skip{By: "alice", Path: "g"}).
			Called().Status("g", engine.StatusSkipped).Status("c", engine.StatusSucceeded).Ended(engine.NoAction)
	}},
	{"a group that has begun is not skipped", func(t *testing.T) {
		play(t, book(group("g", set("a")+"\n  - wait: 1m"+set("b"), gated, unverified))).Start().Approve("alice").
			Refused(engine.Skip{By: "alice", Path: "g"}, "cancel the run").Say(engine.Skip{By: "alice", Path: "g/b"}).
			Sleep(time.Minute).Called("g/a#1/act").Ended(engine.Succeeded)
	}},
	{"a change in flight is not skipped", func(t *testing.T) {
		play(t, book(set("a", gated, unverified))).On("a#1/act", enginetest.Silent(true)).Start().Approve("alice").
			Refused(engine.Skip{By: "alice", Path: "a"}, "in flight")
	}},
	{"a change in doubt is not skipped", func(t *testing.T) {
		play(t, book(bump("a", gated, unverified))).On("a#1/act", enginetest.Lost(true)).Start().Approve("alice").
			Refused(engine.Skip{By: "alice", Path: "a"}, "in doubt")
	}},
	{"a verify that is skipped is accepted by name", func(t *testing.T) {
		p := sick(t, "ask").Say(engine.Skip{By: "alice", Path: "a"}).Saw("verify_verdict committed").Ended(engine.Succeeded)
		if got := p.Run.Step("a").Accepted; got != "alice" {
			t.Error(got)
		}
	}},
	{"an undo is skipped", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+set("b"), gated, verify("undo"))))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(time.Second)
		p.World.Set("b", 99)
		p.Sleep(10*time.Second).Say(engine.Skip{By: "alice", Path: "g/b"}).
			Called("g/a#1/act", "g/b#1/act", "g/a#1/undo").Ended(engine.FailedDirty)
	}},
	{"an undo in flight is not skipped", func(t *testing.T) {
		p := play(t, book(set("a", gated, verify("undo")))).On("a#1/undo", enginetest.Silent(true))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).Refused(engine.Skip{By: "alice", Path: "a"}, "in flight or in doubt")
	}},
	{"an undo in doubt is not skipped", func(t *testing.T) {
		p := play(t, book(bump("a", gated, verify("undo")))).On("a#1/undo", enginetest.Lost(true))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).Refused(engine.Skip{By: "alice", Path: "a"}, "in flight or in doubt")
	}},
	{"what is over is not skipped", func(t *testing.T) {
		play(t, book(read("a"), read("b"))+"\nfinally:\n  - wait: 1m").On("a#1/act", enginetest.None("invalid")).Start().
			Refused(engine.Skip{By: "dora", Path: "a"}, "already failed").Refused(engine.Skip{By: "dora", Path: "b"}, "no longer comes to").
			Refused(engine.Skip{By: "dora", Path: "nowhere"}, "no step").Say(engine.Skip{By: "dora", Path: "finally/1"}).Ended(engine.FailedClean)
	}},
}

var lockStories = []story{
	{"locks are asked for before the first gate", func(t *testing.T) {
		p := play(t, book(read("r"), set("a", gated, unverified)))
		p.Locked = true
		p.Start().Status("r", engine.StatusSucceeded).WaitsOn("lock").Never("question_opened")
		p.Locked = false
		p.Settle().Saw("locks_requested locks_held gate_plan_began question_opened").Approve("alice").Ended(engine.Succeeded)
		if p.Run.Locks.State != engine.LocksReleased {
			t.Error(p.Run.Locks.State)
		}
	}},
	{"reading takes no lock", func(t *testing.T) {
		play(t, book(read("r"))).Start().Never("locks_requested").Ended(engine.NoAction)
	}},
	{"a run that ends while it waits for a lock wants it no more", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified)))
		p.Locked = true
		p.Start().Say(engine.Cancel{By: "dora"}).Ended(engine.CancelledClean)
		n := len(p.Journal)
		p.Give(engine.LocksGranted{ID: "r1/lock.1"})
		if got := p.Kinds(n); got != "" {
			t.Error(got)
		}
	}},
	{"a handler asks for the lock under a new name", func(t *testing.T) {
		p := play(t, "timeout: 1m\n"+book(side("p", set("a", gated, unverified)+longWait))+"\non_failure:"+bump("b", gated, unverified))
		p.Locked = true
		p.Start().Sleep(time.Minute).WaitsOn("lock")
		n := len(p.Journal)
		p.Give(engine.LocksGranted{ID: "r1/lock.1"})
		if got := p.Kinds(n); got != "" {
			t.Error(got)
		}
		p.Give(engine.LocksGranted{ID: "r1/lock.2"}).Settle().WaitsOn("approval")
	}},
	{"a run without a gate open holds its locks in doubt", func(t *testing.T) {
		p := play(t, book(bump("a", gated, unverified))).On("a#1/act", enginetest.Lost(true)).Start().Approve("alice").WaitsOn("in_doubt")
		if p.Run.Locks.State != engine.LocksHeld {
			t.Error(p.Run.Locks.State)
		}
	}},
}
