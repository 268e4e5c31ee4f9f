package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

const two = "approve: {of: [{role: ops, for: 5m}, {role: lead, for: 5m}], quorum: 2}"

// yes is a person's yes to the gate that is open.
func yes(p *enginetest.Play, by string) engine.Vote {
	q := p.Question(engine.AskGate)
	return engine.Vote{By: by, Question: q.ID, Digest: q.Digest, Approve: true}
}

var voteStories = []story{
	{"two must say yes", func(t *testing.T) {
		p := play(t, book(set("a", two, unverified))).Start()
		p.Approve("alice").Called().Saw("vote_counted").WaitsOn("approval")
		p.Refused(yes(p, "alice"), "said yes already").Refused(yes(p, "dora"), "own request").Called()
		p.Approve("carol").Called("a#1/act").Ended(engine.Succeeded)
		if got := p.Run.Gates["a"].Yes; len(got) != 2 || got[0].By != "alice" || got[1].By != "carol" {
			t.Errorf("approved by %v", got)
		}
	}},
	{"one no is enough", func(t *testing.T) {
		play(t, book(set("a", two, unverified))).Start().Approve("alice").Deny("bob", false).Called().Ended(engine.Refused)
	}},
	{"breaking the glass decides alone", func(t *testing.T) {
		p := play(t, book(set("a", "approve: {of: [{role: ops, for: 5m}], quorum: 2}", unverified))).Start()
		v := yes(p, "carol")
		v.BreakGlass = "all are asleep"
		p.Say(v).Called("a#1/act").Ended(engine.Succeeded)
	}},
	{"the glass may be broken after one's own yes", func(t *testing.T) {
		p := play(t, book(set("a", "approve: {of: [{role: ops, for: 5m}, {role: lead, for: 5m}], quorum: 2}", unverified))).Start()
		p.Say(yes(p, "carol")).Called().WaitsOn("approval")
		v := yes(p, "carol")
		v.BreakGlass = "nobody else is awake"
		p.Say(v).Called("a#1/act").Ended(engine.Succeeded)
		if got := p.Run.Gates["a"].Yes; len(got) != 1 || got[0].By != "carol" {
			t.Errorf("approved by %v", got)
		}
	}},
	{"a quorum that nobody can reach is refused at the start", func(t *testing.T) {
		p := play(t, book(set("a", "approve: {of: [{role: ops, for: 5m}], quorum: 3}", unverified)))
		f := enginetest.Facts(p.Book)
		f.Roles = map[string]engine.Role{"ops": f.Roles["ops"]} // alice and bob may: dora asks
		p.Give(engine.Start{Facts: f})
		if p.Err == nil || !strings.Contains(p.Err.Error(), "3 people") || len(p.Journal) != 0 {
			t.Errorf("%v, and %d records", p.Err, len(p.Journal))
		}
	}},
	{"a void forgets the votes so far", func(t *testing.T) {
		p := play(t, book(set("a", two, unverified))).Start().Approve("alice")
		p.Say(engine.Halt{By: "bob"}).Say(engine.Lift{By: "bob"}).WaitsOn("approval")
		p.Approve("bob").Called().WaitsOn("approval").Approve("alice").Called("a#1/act")
	}},
	{"a vote is withdrawn before it decides", func(t *testing.T) {
		p := play(t, book(set("a", two, unverified))).Start().Approve("alice")
		p.Refused(engine.Withdraw{By: "bob", Path: "a"}, "has not said yes")
		p.Say(engine.Withdraw{By: "alice", Path: "a"}).Saw("vote_withdrawn")
		p.Approve("carol").Called().WaitsOn("approval").Approve("alice").Called("a#1/act").Ended(engine.Succeeded)
	}},
	{"a yes is withdrawn before it is used", func(t *testing.T) {
		p := play(t, book(group("g", "\n  - wait: 3m"+set("a"), gated, unverified))).Start().Approve("alice")
		p.Say(engine.Withdraw{By: "alice", Path: "g", Reason: "wrong cluster"}).Sleep(4 * time.Minute).WaitsOn("approval").Called()
		if p.Run.Gates["g"].Voids != 0 {
			t.Error("it counts as drift")
		}
		p.Approve("bob").Called("g/a#1/act").Ended(engine.Succeeded)
	}},
	{"a yes that was used is not withdrawn", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified), "\n  - wait: 1m")).Start().Approve("alice")
		p.Refused(engine.Withdraw{By: "alice", Path: "a"}, "has begun").Sleep(time.Minute).Ended(engine.Succeeded)
	}},
	{"an answer is left to somebody else", func(t *testing.T) {
		p := play(t, book(set("a", "approve: {of: [{role: ops, for: 5m}]}", unverified))).Start()
		id := p.Question(engine.AskGate).ID
		p.Refused(engine.Hand{By: "carol", Question: id, To: "bob"}, "not in ops")
		p.Refused(engine.Hand{By: "dora", Question: id, To: "bob"}, "own request")
		p.Refused(engine.Hand{By: "alice", Question: id, To: "dora"}, "own request")
		p.Refused(engine.Hand{By: "alice", Question: id, To: "mallory"}, "no role")
		p.Refused(engine.Hand{By: "alice", Question: id, To: "alice"}, "with you already")
		p.Refused(yes(p, "carol"), "not in ops")
		p.Say(engine.Hand{By: "alice", Question: id, To: "carol"}).Refused(yes(p, "alice"), "left this to carol")
		p.World.Set("a", 3)
		p.Approve("carol").Saw("gate_voided question_opened").Called() // it holds for the gate, not for one question
		p.Approve("carol").Called("a#1/act").Ended(engine.Succeeded)
	}},
	{"who leaves the answer to somebody has one vote with them", func(t *testing.T) {
		p := play(t, book(set("a", two, unverified))).Start().Approve("alice")
		id := p.Question(engine.AskGate).ID
		p.Refused(engine.Hand{By: "alice", Question: id, To: "carol"}, "withdraw that first")
		p.Say(engine.Hand{By: "bob", Question: id, To: "carol"}).Refused(yes(p, "bob"), "left this to carol").Called()
		p.Approve("carol").Called("a#1/act")
	}},
	{"a question is kept open longer", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		id := p.Question(engine.AskGate).ID
		p.Refused(engine.Extend{By: "dora", Question: id, For: time.Minute}, "own request")
		p.Refused(engine.Extend{By: "alice", Question: id, For: time.Hour}, "up to 10m")
		p.Refused(engine.Extend{By: "alice", Question: id, For: -time.Minute}, "up to 10m")
		for range 3 {
			p.Say(engine.Extend{By: "alice", Question: id}) // as long as the runbook gives
		}
		p.Refused(engine.Extend{By: "alice", Question: id, For: time.Minute}, "3 times")
		p.Sleep(39 * time.Minute).WaitsOn("approval").Sleep(2 * time.Minute).Called().Ended(engine.Refused)
	}},
	{"the next role is asked when the time of the one before is over", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start().Sleep(4 * time.Minute).Never("question_escalated")
		p.Sleep(2 * time.Minute).Saw("question_escalated notice_queued")
		if n := p.Run.Notices[0]; n.To != "lead" || !n.Page {
			t.Errorf("told: %+v", n)
		}
		p.Approve("alice").Called("a#1/act").Ended(engine.Succeeded) // the one before may still answer
	}},
	{"the next role may answer before it is asked", func(t *testing.T) {
		play(t, book(set("a", gated, unverified))).Start().Approve("carol").Never("question_escalated").Ended(engine.Succeeded)
	}},
	{"a crash moves who is asked next", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start().Sleep(4 * time.Minute).Crash(time.Hour).Settle().
			Sleep(30 * time.Second).Never("question_escalated")
		p.Sleep(time.Minute).Saw("question_escalated").Sleep(6 * time.Minute).Ended(engine.Refused)
	}},
}

var takeStories = []story{
	{"a hold stops like a halt, and is another stop", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start().
			Say(engine.Hold{By: "alice", Service: "api"}).Say(engine.Halt{By: "bob"}).WaitsOn("held", "halted")
		p.Say(engine.Lift{By: "bob"}).WaitsOn("held").Say(engine.Lift{By: "bob", Kind: engine.StopHold, Service: "other"}).WaitsOn("held")
		p.Say(engine.Lift{By: "bob", Kind: engine.StopHold, Service: "api"}).WaitsOn("approval").Approve("alice").Ended(engine.Succeeded)
	}},
	{"a hold stops each position as a halt does", func(t *testing.T) {
		hold, lift := engine.Hold{By: "alice", Service: "api"}, engine.Lift{By: "alice", Kind: engine.StopHold, Service: "api"}
		// In flight: it ends, and is recorded; verifying goes on.
		p := play(t, book(set("a", gated, verified))).On("a#1/act", enginetest.Silent(true)).Start().Approve("alice").Say(hold)
		p.Give(returned("a#1/act", "a=7")).Settle().Sleep(5 * time.Second).Saw("stopped acted verify_verdict").Ended(engine.Succeeded)
		// Undoing: the undo waits for a person, after the lift, too.
		p = play(t, book(set("a", gated, verify("undo"))))
		p.World.SetSick(true)
		p.Start().Approve("alice").Say(hold).Sleep(11 * time.Second).WaitsOn("held").Called("a#1/act")
		p.Say(lift).Answer(engine.AskResume, engine.ChoiceResume, "alice").Called("a#1/act", "a#1/undo").Ended(engine.FailedClean)
		// In a handler: what changes something waits.
		play(t, book(read("a"))+"\nfinally:"+set("z", gated, unverified)).Start(func(f *engine.Facts) {
			f.Stops = []engine.Stop{{Kind: engine.StopHold, Service: "api", By: "alice"}}
		}).WaitsOn("held").Say(lift).Approve("alice").Holds("z", 7).Ended(engine.Succeeded)
	}},
	{"a run that undoes another begins under what stands", func(t *testing.T) {
		done := undone(t)
		p := play(t, undoBook)
		p.World = done.World
		p.World.Forget()
		p.Start(rows(done, nil), func(f *engine.Facts) {
			f.Stops = []engine.Stop{{Kind: engine.StopHold, Service: "api", By: "firebreak"}}
		}).
			Approve("bob").Called("b#1/undo", "a#1/undo").Ended(engine.Undone)
		undoing(t).Say(engine.Halt{By: "carol"}).WaitsOn("halted").Called().Say(engine.Lift{By: "carol"}).WaitsOn("approval")
	}},
	{"a run is taken over and handed back", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified), set("b", gated, unverified))).Start().Approve("alice").Called("a#1/act")
		p.Refused(engine.TakeOver{By: "os:mallory"}, "is not in").Refused(engine.HandBack{By: "alice", To: engine.HandResume}, "nobody has")
		p.Say(engine.TakeOver{By: "alice"}).WaitsOn("person").Refused(engine.TakeOver{By: "bob"}, "alice has taken")
		p.Refused(engine.HandBack{By: "alice", To: "go on"}, "resume, verify or end")
		p.Sleep(time.Hour).Called("a#1/act")
		p.Say(engine.HandBack{By: "bob", To: engine.HandResume}).WaitsOn("approval").Approve("bob").Called("a#1/act", "b#1/act").Ended(engine.Succeeded)
	}},
	{"who takes over lets what is in flight end", func(t *testing.T) {
		p := play(t, book(set("a", gated, verified), set("b", gated, unverified))).On("a#1/act", enginetest.Silent(true)).Start().Approve("alice")
		p.Say(engine.TakeOver{By: "alice"}).Refused(engine.HandBack{By: "alice", To: engine.HandVerify}, "in flight")
		p.Give(returned("a#1/act", "a=7")).Settle().Sleep(5 * time.Second).Saw("stopped acted verify_verdict committed").WaitsOn("person")
	}},
	{"what was done by hand is verified", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+"\n  - wait: 1m"+set("b"), gated, verified))).Start().Approve("alice").Called("g/a#1/act")
		p.World.SetSick(true)
		p.Say(engine.TakeOver{By: "alice"}).Do(func(p *enginetest.Play) { p.World.SetSick(false) }).
			Say(engine.HandBack{By: "alice", To: engine.HandVerify}).Sleep(5*time.Second).
			Called("g/a#1/act").Status("g/b", engine.StatusSkipped).Saw("handed_back verify_verdict committed").Ended(engine.Succeeded)
	}},
	{"what was done by hand instead of a step is verified", func(t *testing.T) {
		p := play(t, book(set("a", gated, verified))).Start().Say(engine.TakeOver{By: "alice"}).
			Say(engine.HandBack{By: "alice", To: engine.HandVerify}).Sleep(5 * time.Second)
		p.Called().Status("a", engine.StatusSucceeded).Ended(engine.NoAction)
	}},
	{"what was done by hand and does not hold is undone", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+"\n  - wait: 1m"+set("b"), gated, verify("undo")))).Start().Approve("alice")
		p.World.SetSick(true)
		p.Say(engine.TakeOver{By: "alice"}).Say(engine.HandBack{By: "alice", To: engine.HandVerify}).Sleep(11 * time.Second)
		p.Answer(engine.AskResume, engine.ChoiceResume, "alice").Called("g/a#1/act", "g/a#1/undo").Ended(engine.FailedClean)
	}},
	{"nothing to verify is not handed back to verify", func(t *testing.T) {
		p := play(t, book("\n  - wait: 1m"+set("a", gated, verified))).Start().Say(engine.TakeOver{By: "alice"})
		p.Refused(engine.HandBack{By: "alice", To: engine.HandVerify}, "has a verify")
	}},
	{"a run that is left to a person ends so", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+"\n  - wait: 1m"+set("b"), gated, verified))+"\non_failure:"+read("h")+"\nfinally:"+read("z")+bump("y", gated, unverified)).
			Start().Approve("alice").Say(engine.TakeOver{By: "alice"}).Say(engine.HandBack{By: "alice", To: engine.HandEnd})
		p.Called("g/a#1/act").Holds("a", 7).Status("finally/z", engine.StatusSucceeded).Status("finally/y", engine.StatusSkipped).
			Status("on_failure/h", engine.StatusPending).Saw("effect_left run_ended").Ended(engine.HandedOver)
		if n := p.Run.Notices[len(p.Run.Notices)-1]; n.Page || n.To != "platform" || !strings.Contains(n.Text, "left to alice") {
			t.Errorf("told: %+v", n)
		}
	}},
	{"a person takes over while it undoes", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+set("b"), gated, verify("undo")))).On("g/b#1/undo", enginetest.Silent(true))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).Say(engine.TakeOver{By: "alice"}).
			Give(returned("g/b#1/undo", "b=0")).Settle().Called("g/a#1/act", "g/b#1/act", "g/b#1/undo").WaitsOn("person")
		p.Say(engine.HandBack{By: "alice", To: engine.HandEnd}).Holds("a", 7).Ended(engine.HandedOver)
	}},
	{"a run in doubt that is taken over is still asked about", func(t *testing.T) {
		p := play(t, book(bump("a", gated, unverified))).On("a#1/act", enginetest.Lost(true)).Start().Approve("alice").WaitsOn("in_doubt")
		p.Say(engine.TakeOver{By: "alice"}).WaitsOn("in_doubt", "person").
			Say(engine.HandBack{By: "alice", To: engine.HandEnd}).WaitsOn("in_doubt").
			Answer(engine.AskDoubt, engine.ChoiceHappened, "alice").Ended(engine.HandedOver)
	}},
	{"a broken lock stops the run until it has it again", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+"\n  - wait: 1m"+set("b"), gated, unverified))).Start().Approve("alice").Called("g/a#1/act")
		p.Refused(engine.BreakLock{By: "os:mallory"}, "is not in").Do(func(p *enginetest.Play) { p.Locked = true })
		p.Say(engine.BreakLock{By: "bob", Reason: "it hangs"}).Saw("lock_broken stopped question_opened").Sleep(2 * time.Minute).Called("g/a#1/act")
		p.Refused(engine.BreakLock{By: "bob"}, "no lock").Answer(engine.AskLock, engine.ChoiceRelock, "alice").WaitsOn("lock").Called("g/a#1/act")
		p.Locked = false
		p.Settle().WaitsOn("approval").Approve("alice").Called("g/a#1/act", "g/b#1/act").Ended(engine.Succeeded)
	}},
	{"a run whose lock was broken may end as it is", func(t *testing.T) {
		play(t, book(group("g", set("a")+"\n  - wait: 1m"+set("b"), gated, unverified))).Start().Approve("alice").
			Say(engine.BreakLock{By: "bob"}).Answer(engine.AskLock, engine.ChoiceEnd, "alice").
			Called("g/a#1/act").Holds("a", 7).Ended(engine.CancelledDirty)
	}},
	{"a run that ends without its locks is not undone before it has ended", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+set("b"), gated, unverified))).On("g/b#1/act", enginetest.Silent(true)).Start().Approve("alice")
		p.Say(engine.BreakLock{By: "bob"}).Answer(engine.AskLock, engine.ChoiceEnd, "alice").
			Refused(engine.Cancel{By: "dora", Undo: true}, "its locks were broken, and it ends without them").
			Refused(engine.UndoRun{By: "alice"}, "its locks were broken, and it ends without them").Say(engine.Cancel{By: "dora"})
		p.Give(returned("g/b#1/act", "b=7")).Settle().Called("g/a#1/act", "g/b#1/act").Ended(engine.CancelledDirty)
	}},
	{"what was to be undone and is left as it is makes the end dirty", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified), "\n  - wait: 1m")).Start().Approve("alice").Saw("committed")
		p.Say(engine.BreakLock{By: "bob"}).Say(engine.UndoRun{By: "alice"}).Answer(engine.AskLock, engine.ChoiceEnd, "alice")
		p.Called("a#1/act").Holds("a", 7).Saw("effect_left").Ended(engine.FailedDirty)
	}},
	{"a run that holds no lock has none to break", func(t *testing.T) {
		play(t, book("\n  - wait: 1m")).Start().Refused(engine.BreakLock{By: "bob"}, "no lock")
	}},
	{"a verify that held without the lock proves nothing", func(t *testing.T) {
		p := play(t, book(set("a", gated, verified))).Start().Approve("alice").Say(engine.BreakLock{By: "bob"}).
			Sleep(5 * time.Second).Saw("verify_verdict question_opened").Never("committed")
		p.Answer(engine.AskVerdict, engine.ChoiceAccept, "alice").Ended(engine.Succeeded)
	}},
	{"an undo waits for the lock that was broken", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+"\n  - wait: 1h", gated, unverified))).Start().Approve("alice")
		p.Say(engine.BreakLock{By: "bob"}).Say(engine.Cancel{By: "dora", Undo: true}).Called("g/a#1/act")
		p.Answer(engine.AskLock, engine.ChoiceRelock, "alice").Answer(engine.AskResume, engine.ChoiceResume, "alice").
			Called("g/a#1/act", "g/a#1/undo").Ended(engine.CancelledClean)
	}},
	{"what is in flight when its lock is broken ends, and is recorded", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).On("a#1/act", enginetest.Silent(true)).Start().Approve("alice").
			Say(engine.BreakLock{By: "bob"}).Never("run_ended")
		p.Give(returned("a#1/act", "a=7")).Settle().Saw("lock_broken acted").Holds("a", 7).Ended(engine.Succeeded)
	}},
	{"a crash keeps what was taken over, and what was broken", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+"\n  - wait: 1m"+set("b"), gated, unverified))).Start().Approve("alice").
			Say(engine.TakeOver{By: "alice"}).Say(engine.BreakLock{By: "bob"}).Crash(time.Hour).Settle()
		p.WaitsOn("person", "person", "timer").Called("g/a#1/act").Answer(engine.AskLock, engine.ChoiceRelock, "alice").
			Say(engine.HandBack{By: "alice", To: engine.HandResume}).Sleep(time.Minute).Approve("bob").Called("g/a#1/act", "g/b#1/act").Ended(engine.Succeeded)
	}},
}
