package engine_test

import (
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

func verify(onFail string) string {
	return "verify: {uses: world.health, until: result.ok, for: 2s, within: 10s, on_fail: " + onFail + "}"
}

// sick plays a gated set whose verify fails.
func sick(t *testing.T, onFail string) *enginetest.Play {
	t.Helper()
	p := play(t, book(set("a", gated, verify(onFail))))
	p.World.SetSick(true)
	return p.Start().Approve("alice").Sleep(11 * time.Second)
}

// blind plays a gated set whose verify sees nothing.
func blind(t *testing.T, onFail string) *enginetest.Play {
	t.Helper()
	p := play(t, book(set("a", gated, verify(onFail))))
	for _, id := range []string{"3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"} {
		p.On("a#1/verify."+id, enginetest.None("unavailable"))
	}
	return p.Start().Approve("alice").Sleep(11 * time.Second)
}

var verifyStories = []story{
	{"a verify that fails undoes", func(t *testing.T) {
		sick(t, "undo").Saw("sampled verify_verdict step_failed troubled undo_intended step_undone").Holds("a", 0).Ended(engine.FailedClean)
	}},
	{"a verify that fails keeps where the runbook says so", func(t *testing.T) {
		sick(t, "keep").Holds("a", 7).Never("undo_began").Ended(engine.FailedDirty)
	}},
	{"a verify that fails asks where the runbook says so", func(t *testing.T) {
		sick(t, "ask").WaitsOn("person").Holds("a", 7)
	}},
	{"a verify that sees nothing asks", func(t *testing.T) {
		p := blind(t, "undo").WaitsOn("person").Holds("a", 7).Never("undo_began committed")
		if got := p.Run.Step("a").Verified; got != "inconclusive" {
			t.Error(got)
		}
		p.Sleep(24 * time.Hour).WaitsOn("person")
	}},
	{"a verify may be tried again", func(t *testing.T) {
		p := sick(t, "ask")
		p.World.SetSick(false)
		p.Answer(engine.AskVerdict, engine.ChoiceAgain, "alice").Sleep(3*time.Second).Holds("a", 7).Ended(engine.Succeeded)
	}},
	{"a verify may be accepted by name", func(t *testing.T) {
		p := blind(t, "undo").Answer(engine.AskVerdict, engine.ChoiceAccept, "alice").Saw("verify_verdict committed").Ended(engine.Succeeded)
		if got := p.Run.Step("a").Accepted; got != "alice" {
			t.Errorf("accepted by %q", got)
		}
	}},
	{"a verify without a verdict may be kept", func(t *testing.T) {
		blind(t, "undo").Answer(engine.AskVerdict, engine.ChoiceKeep, "alice").Holds("a", 7).Never("undo_began").Ended(engine.FailedDirty)
	}},
	{"a verify without a verdict may be undone", func(t *testing.T) {
		blind(t, "keep").Answer(engine.AskVerdict, engine.ChoiceUndo, "alice").Holds("a", 0).Ended(engine.FailedClean)
	}},
	{"a verdict is given by the gate's role", func(t *testing.T) {
		p := sick(t, "ask")
		p.Refused(engine.Answer{By: "os:mallory", Question: p.Question(engine.AskVerdict).ID, Choice: engine.ChoiceAccept}, "is not in")
		p.Refused(engine.Answer{By: "alice", Question: p.Question(engine.AskVerdict).ID, Choice: "forget"}, "not a choice")
	}},
	{"a verify without any gate is decided by any role", func(t *testing.T) {
		p := play(t, book(read("a", verify("ask"))))
		p.World.SetSick(true)
		p.Start().Sleep(11*time.Second).WaitsOn("person").Answer(engine.AskVerdict, engine.ChoiceAccept, "carol").Ended(engine.NoAction)
	}},
	{"a group is verified after its last step", func(t *testing.T) {
		play(t, book(group("g", set("a")+set("b"), gated, verified))).Start().Approve("alice").Sleep(3 * time.Second).
			Saw("intended acted intended acted group_done sampling_began verify_verdict committed").Ended(engine.Succeeded)
	}},
	{"a group whose verify fails is undone in reverse", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+set("b"), gated, verify("undo"))))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).
			Called("g/a#1/act", "g/b#1/act", "g/b#1/undo", "g/a#1/undo").Ended(engine.FailedClean)
	}},
	{"what is verified stays, whatever happens later", func(t *testing.T) {
		play(t, book(set("a", gated, verified), read("b"))).On("b#1/act", enginetest.None("invalid")).Start().
			Approve("alice").Sleep(3*time.Second).Holds("a", 7).Never("undo_began").Ended(engine.FailedClean)
	}},
	{"a resolved alert is no evidence of health", func(t *testing.T) {
		p := play(t, book(set("a", gated, verify("undo"))))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(time.Second)
		p.Give(engine.AlertResolved{})
		p.Sleep(10*time.Second).Holds("a", 0).Ended(engine.FailedClean)
	}},
	{"a resolved alert ends a run that has changed nothing", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		p.Give(engine.AlertResolved{})
		p.Settle().Called().Ended(engine.Refused)
	}},
}

var undoStories = []story{
	{"undos go in reverse over parallel branches", func(t *testing.T) {
		p := play(t, book(group("g", side("p", bump("a")+bump("b"))+bump("c"), gated, verify("undo")))).
			On("g/p/a#1/act", enginetest.Silent(true))
		p.World.SetSick(true)
		p.Start().Approve("alice").
			Give(engine.Returned{ID: "r1/g/p/a#1/act", Outcome: engine.Outcome{
				Effect: engine.EffectApplied, Receipt: []byte(`{"key":"a"}`), Left: "a=1"}}).
			Sleep(11*time.Second).
			Called("g/p/a#1/act", "g/p/b#1/act", "g/c#1/act", "g/c#1/undo", "g/p/a#1/undo", "g/p/b#1/undo").Ended(engine.FailedClean)
	}},
	{"an undo gets the receipt", func(t *testing.T) {
		p := play(t, book(group("g", set("a"), gated, verify("undo"))))
		p.World.Set("a", 3)
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).Holds("a", 3).Ended(engine.FailedClean)
	}},
	{"an undo may have its own input", func(t *testing.T) {
		p := play(t, book(step("id: a", "uses: world.set", "with: {key: a, value: 7}", gated, verify("undo"),
			"undo: {uses: world.set, with: {key: a, value: 5}}")))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).Holds("a", 5).Ended(engine.FailedClean)
	}},
	{"an undo whose target was changed asks", func(t *testing.T) {
		p := sickThenChanged(t)
		p.WaitsOn("person").Holds("a", 99).Called("a#1/act")
		if n := p.Run.Notices[len(p.Run.Notices)-1]; !n.Page {
			t.Error("nobody is paged")
		}
	}},
	{"an undo may be forced", func(t *testing.T) {
		sickThenChanged(t).Answer(engine.AskDrift, engine.ChoiceForce, "alice").Holds("a", 0).Ended(engine.FailedClean)
	}},
	{"an undo is forced over what was shown, and over nothing else", func(t *testing.T) {
		p := sickThenChanged(t)
		p.World.Set("a", 42) // since people were asked about 99
		p.Answer(engine.AskDrift, engine.ChoiceForce, "alice").WaitsOn("person").Holds("a", 42).Called("a#1/act")
		p.Answer(engine.AskDrift, engine.ChoiceForce, "alice").Holds("a", 0).Ended(engine.FailedClean)
	}},
	{"what somebody else changed may be left", func(t *testing.T) {
		sickThenChanged(t).Answer(engine.AskDrift, engine.ChoiceKeep, "alice").Holds("a", 99).Called("a#1/act").Ended(engine.FailedDirty)
	}},
	{"an undo that finds its target changed asks, and is tried under a new name", func(t *testing.T) {
		p := play(t, book(set("a", gated, verify("undo")))).On("a#1/undo", enginetest.None("drift"))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).WaitsOn("person").
			Answer(engine.AskDrift, engine.ChoiceForce, "alice").Called("a#1/act", "a#1/undo", "a#1/undo.2").Ended(engine.FailedClean)
	}},
	{"an undo of two changes of one target", func(t *testing.T) {
		one := step("id: one", "uses: world.bump", "with: {key: x}", undoBump)
		two := step("id: two", "uses: world.bump", "with: {key: x}", undoBump)
		p := play(t, book(group("g", one+two, gated, verify("undo"))))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).Holds("x", 0).Ended(engine.FailedClean)
	}},
	{"an undo that fails is the last", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+set("b"), gated, verify("undo")))).On("g/b#1/undo", enginetest.None("internal"))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).
			Called("g/a#1/act", "g/b#1/act", "g/b#1/undo").Saw("undo_failed effect_left run_ended").Ended(engine.FailedDirty)
	}},
	{"a lost undo is in doubt", func(t *testing.T) {
		p := play(t, book(bump("a", gated, verify("undo")))).On("a#1/undo", enginetest.Lost(true))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).WaitsOn("in_doubt").
			Answer(engine.AskDoubt, engine.ChoiceHappened, "alice").Ended(engine.FailedClean)
	}},
	{"a lost undo that did not happen is begun again", func(t *testing.T) {
		p := play(t, book(bump("a", gated, verify("undo")))).On("a#1/undo", enginetest.Lost(false))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).
			Answer(engine.AskDoubt, engine.ChoiceNot, "alice").Called("a#1/act", "a#1/undo", "a#1/undo.2").Holds("a", 0).Ended(engine.FailedClean)
	}},
	{"an undo that never happens has failed", func(t *testing.T) {
		p := play(t, book(bump("a", gated, verify("undo")))).On("a#1/undo", enginetest.Lost(false)).
			On("a#1/undo.2", enginetest.Lost(false)).On("a#1/undo.3", enginetest.Lost(false))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11 * time.Second)
		for range 3 {
			p.Answer(engine.AskDoubt, engine.ChoiceNot, "alice")
		}
		p.Saw("undo_failed").Called("a#1/act", "a#1/undo", "a#1/undo.2", "a#1/undo.3").Ended(engine.FailedDirty)
	}},
	{"what nothing undoes is left and listed", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+once("b"), gated, verify("undo"))))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).Holds("a", 0).Holds("b", 1).Ended(engine.FailedDirty)
		end, ok := p.Journal[len(p.Journal)-2].Event.(engine.RunEnded)
		if !ok {
			end, ok = p.Journal[len(p.Journal)-1].Event.(engine.RunEnded)
		}
		if !ok || len(end.Changed) != 1 {
			t.Errorf("listed: %v", end.Changed)
		}
	}},
	{"a person undoes a run that goes on", func(t *testing.T) {
		play(t, book(set("a", gated, verified), "\n  - wait: 1h")).Start().Approve("alice").Sleep(3*time.Second).
			Say(engine.UndoRun{By: "alice"}).Holds("a", 0).Called("a#1/act", "a#1/undo").Ended(engine.Undone)
	}},
	{"a run that has ended is undone by a new one", func(t *testing.T) {
		p := undoing(t).WaitsOn("approval")
		if q := p.Question(engine.AskGate); len(q.Members) != 2 || q.Members[0].Path != "b" {
			t.Errorf("the card shows %+v", q.Members)
		}
		p.Approve("alice").Called("b#1/undo", "a#1/undo").Holds("a", 0).Holds("b", 0).Ended(engine.Undone)
	}},
	{"the undo of an ended run may be denied", func(t *testing.T) {
		undoing(t).Deny("alice", false).Called().Holds("a", 7).Ended(engine.Refused)
	}},
	{"the undo of an ended run needs as many people as its changes did", func(t *testing.T) {
		undoingOf(t, book(group("g", set("a", unverified), two))).Approve("alice").WaitsOn("approval").Called().Approve("bob").
			Called("g/a#1/undo").Holds("g/a", 0).Ended(engine.Undone)
	}},
	{"the undo of what no one role gates needs two people", func(t *testing.T) {
		undoingOf(t, book(set("a", "approve: {of: [{role: ops, for: 5m}]}", unverified), set("b", "approve: {of: [{role: lead, for: 5m}]}", unverified))).
			Approve("alice").WaitsOn("approval").Called().Approve("carol").Called("b#1/undo", "a#1/undo").Ended(engine.Undone)
	}},
	{"the undo of an ended run asks where somebody has changed the target", func(t *testing.T) {
		p := undoing(t)
		p.World.Set("b", 50)
		p.Approve("alice").WaitsOn("person").Answer(engine.AskDrift, engine.ChoiceKeep, "alice").
			Called("a#1/undo").Ended(engine.FailedDirty)
	}},
	{"the undo of an ended run of which nothing can be planned is refused", func(t *testing.T) {
		p, done := undoingFrom(t, nil)
		p.On("a#0/plan.1", enginetest.None("unavailable")).On("b#0/plan.1", enginetest.None("drift"))
		p.Start(rows(done, nil)).Called().Never("question_opened effect_left").Ended(engine.Refused)
	}},
	{"what of an ended run cannot be planned is left out of its undo", func(t *testing.T) {
		p, done := undoingFrom(t, nil)
		p.On("b#0/plan.1", enginetest.None("drift")).Start(rows(done, nil)).WaitsOn("approval")
		q := p.Question(engine.AskGate)
		if len(q.Members) != 1 || q.Members[0].Path != "a" || len(q.Kept) != 1 || q.Kept[0].Path != "b" {
			t.Errorf("the card shows %+v, and keeps %+v", q.Members, q.Kept)
		}
		p.Approve("alice").Saw("member_unplanned question_opened effect_left undo_began step_undone run_ended").
			Called("a#1/undo").Holds("a", 0).Holds("b", 1).Ended(engine.FailedDirty)
	}},
	{"what an undo left out stays as it was after a no", func(t *testing.T) {
		p, done := undoingFrom(t, nil)
		p.On("b#0/plan.1", enginetest.None("drift")).Start(rows(done, nil)).Deny("alice", false).Never("effect_left").Called().Ended(engine.Refused)
	}},
	{"the next undo of an ended run undoes what the first one left", func(t *testing.T) {
		p, done := undoingFrom(t, nil)
		p.On("b#0/plan.1", enginetest.None("drift")).Start(rows(done, nil)).Approve("alice").Ended(engine.FailedDirty)
		next, _ := undoingFrom(t, p.World)
		next.Start(rows(done, &p.Run)).WaitsOn("approval")
		if q := next.Question(engine.AskGate); len(q.Members) != 1 || q.Members[0].Path != "b" || len(q.Kept) != 0 {
			t.Errorf("the card shows %+v, and keeps %+v", q.Members, q.Kept)
		}
		next.Approve("alice").Called("b#1/undo").Holds("a", 0).Holds("b", 0).Ended(engine.Undone)
		if f := engine.UndoOf(&done.Run, &next.Run); f.Undo != nil {
			t.Errorf("still to be undone: %+v", f.Undo)
		}
	}},
	{"the next undo finds a target as the first one left it", func(t *testing.T) {
		src := book(set("a", gated, unverified), "\n  - {id: b, uses: world.set, with: {key: a, value: 9}, undo: {uses: world.set}, "+gated+", "+unverified+"}")
		done := play(t, src).Start().Approve("alice").Approve("alice").Ended(engine.Succeeded)
		p := play(t, src)
		p.World = done.World
		p.World.Forget()
		p.On("a#0/plan.1", enginetest.None("unavailable")).Start(rows(done, nil)).Approve("alice").Called("b#1/undo").Holds("a", 7).Ended(engine.FailedDirty)
		next := play(t, src)
		next.World = p.World
		next.World.Forget()
		next.Start(rows(done, &p.Run)).Approve("alice").Never("undo_forced").Called("a#1/undo").Holds("a", 0).Ended(engine.Undone)
	}},
	{"nothing to undo is not started", func(t *testing.T) {
		p := play(t, book(once("a", gated, unverified)))
		p.Give(engine.Start{Facts: enginetest.Facts(p.Book)}).Settle().Approve("alice").Ended(engine.Succeeded)
		q := play(t, book(once("a", gated, unverified)))
		f := enginetest.Facts(q.Book)
		rows(p, nil)(&f)
		if q.Give(engine.Start{Facts: f}); q.Err == nil {
			t.Error("a run that can undo nothing was started")
		}
	}},
}

func sickThenChanged(t *testing.T) *enginetest.Play {
	t.Helper()
	p := play(t, book(set("a", gated, verify("undo"))))
	p.World.SetSick(true)
	p.Start().Approve("alice").Sleep(time.Second)
	p.World.Set("a", 99)
	return p.Sleep(10 * time.Second)
}

var undoBook = book(set("a", gated, unverified), bump("b", gated, unverified))

func undone(t *testing.T) *enginetest.Play {
	t.Helper()
	return play(t, undoBook).Start().Approve("alice").Approve("alice").Ended(engine.Succeeded)
}

// undoingFrom is a run to come that undoes one that has ended, in the world
// that this one, or (nil: not) another, has left.
func undoingFrom(t *testing.T, world *enginetest.World) (p, done *enginetest.Play) {
	t.Helper()
	done = undone(t)
	if world == nil {
		world = done.World
	}
	p = play(t, undoBook)
	p.World = world
	p.World.Forget()
	return p, done
}

// rows makes a run the undo of one that has ended, of which another has undone
// some; nil: none has.
func rows(done *enginetest.Play, before *engine.Run) func(*engine.Facts) {
	return func(f *engine.Facts) {
		r := engine.UndoOf(&done.Run, before)
		f.ID, f.UndoOf, f.Undo = "r2", r.UndoOf, r.Undo
	}
}

// undoing plays the undo of a run that has ended until its gate is open.
func undoing(t *testing.T) *enginetest.Play { t.Helper(); return undoingOf(t, undoBook) }

// undoingOf does so of a runbook that two people say yes to wherever they can.
func undoingOf(t *testing.T, src string) *enginetest.Play {
	t.Helper()
	done := play(t, src).Start()
	for len(done.Run.OpenQuestions()) > 0 {
		done.Approve("alice")
		if len(done.Run.OpenQuestions()) > 0 {
			done.Approve("carol")
		}
	}
	done.Ended(engine.Succeeded)
	p := play(t, src)
	p.World = done.World
	p.World.Forget()
	return p.Start(rows(done, nil))
}
