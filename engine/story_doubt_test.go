package engine_test

import (
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

func inDoubt(t *testing.T, happened bool) *enginetest.Play {
	t.Helper()
	return play(t, book(bump("a", gated, unverified), bump("b", gated, unverified))).On("a#1/act", enginetest.Lost(happened)).Start().
		Approve("alice").Saw("effect_unknown in_doubt question_opened notice_queued").WaitsOn("in_doubt")
}

var doubtStories = []story{
	{"what was lost and happened goes on", func(t *testing.T) {
		inDoubt(t, true).Answer(engine.AskDoubt, engine.ChoiceHappened, "alice").Approve("alice").
			Called("a#1/act", "b#1/act").Ended(engine.Succeeded)
	}},
	{"what was lost and did not happen fails", func(t *testing.T) {
		inDoubt(t, false).Answer(engine.AskDoubt, engine.ChoiceNot, "alice").Called("a#1/act").Ended(engine.FailedClean)
	}},
	{"what was lost and half happened is undone", func(t *testing.T) {
		p := inDoubt(t, true).Answer(engine.AskDoubt, engine.ChoicePartial, "alice")
		p.WaitsOn("person").Answer(engine.AskDrift, engine.ChoiceForce, "alice").Called("a#1/act", "a#1/undo").Holds("a", 0).Ended(engine.FailedClean)
	}},
	{"what nobody can tell ends the run dirty", func(t *testing.T) {
		p := inDoubt(t, true).Answer(engine.AskDoubt, engine.ChoiceUnknown, "alice").Called("a#1/act").Ended(engine.FailedDirty)
		if got := p.Run.Step("a").Effect; got != engine.EffectUnknown {
			t.Errorf("effect %s", got)
		}
	}},
	{"a doubt has no expiry", func(t *testing.T) {
		inDoubt(t, true).Sleep(30 * 24 * time.Hour).WaitsOn("in_doubt")
	}},
	{"a doubt keeps siblings from changing anything", func(t *testing.T) {
		p := play(t, book(side("p", bump("a", gated, unverified)+step("id: s", "steps:", "  - wait: 1m", "  - id: b", "    uses: world.bump",
			"    with: {key: b}", "    "+undoBump, "    "+unverified, "    "+gated)))).On("p/a#1/act", enginetest.Lost(true)).Start().
			Approve("alice").WaitsOn("in_doubt", "timer").Sleep(time.Minute)
		p.Approve("alice").Called("p/a#1/act").WaitsOn("in_doubt")
		p.Answer(engine.AskDoubt, engine.ChoiceHappened, "alice").Called("p/a#1/act", "p/s/b#1/act").Ended(engine.Succeeded)
	}},
	{"a probe resolves what was lost", func(t *testing.T) {
		play(t, book(set("a", gated, unverified))).On("a#1/act", enginetest.Lost(true)).Start().Approve("alice").
			Saw("effect_unknown probe_began doubt_resolved").Never("in_doubt").Called("a#1/act").Ended(engine.Succeeded)
	}},
	{"a probe that finds nothing lets a retry begin", func(t *testing.T) {
		play(t, book(set("a", gated, unverified, "retry: {attempts: 2, backoff: 1s}"))).On("a#1/act", enginetest.Lost(false)).Start().
			Approve("alice").Sleep(time.Second).Called("a#1/act", "a#2/act").Holds("a", 7).Ended(engine.Succeeded)
	}},
	{"a probe that finds nothing fails without a retry", func(t *testing.T) {
		play(t, book(set("a", gated, unverified))).On("a#1/act", enginetest.Lost(false)).Start().Approve("alice").Ended(engine.FailedClean)
	}},
	{"a probe that cannot tell asks a person", func(t *testing.T) {
		play(t, book(set("a", gated, unverified))).On("a#1/act", enginetest.Lost(true)).On("a#1/probe.2", enginetest.Lost(false)).Start().
			Approve("alice").WaitsOn("in_doubt")
	}},
	{"a probe that does not answer asks a person", func(t *testing.T) {
		play(t, book(set("a", gated, unverified))).On("a#1/act", enginetest.Lost(true)).On("a#1/probe.2", enginetest.Silent(false)).Start().
			Approve("alice").Sleep(time.Minute).WaitsOn("in_doubt")
	}},
	{"an effect is waited for until it can no longer arrive", func(t *testing.T) {
		play(t, book(late("a", gated, unverified))).On("a#1/act", enginetest.Lost(true)).Start().Approve("alice").
			WaitsOn("timer").Sleep(19 * time.Second).Never("probe_began").Sleep(time.Second).Saw("probe_began doubt_resolved").Ended(engine.Succeeded)
	}},
	{"a late result resolves an open doubt", func(t *testing.T) {
		p := inDoubt(t, true)
		p.Give(returned("a#1/act", "a=1")).Settle().Saw("in_doubt doubt_resolved").WaitsOn("approval")
		if len(p.Run.OpenQuestions()) != 1 {
			t.Error("the doubt is still asked about")
		}
		p.Approve("alice").Ended(engine.Succeeded)
	}},
	{"a late result resolves a fenced effect", func(t *testing.T) {
		p := play(t, book(late("a", gated, unverified))).On("a#1/act", enginetest.Lost(true)).Start().Approve("alice")
		p.Give(returned("a#1/act", "a=1")).Settle().Never("probe_began").Ended(engine.Succeeded)
	}},
	{"a late result that contradicts is stored and pages, once", func(t *testing.T) {
		p := inDoubt(t, true).Answer(engine.AskDoubt, engine.ChoiceNot, "alice").Ended(engine.FailedClean)
		n := len(p.Journal)
		p.Give(returned("a#1/act", "a=1"))
		if got := p.Kinds(n); got != "late_result notice_queued" {
			t.Fatal(got)
		}
		if last := p.Run.Notices[len(p.Run.Notices)-1]; !last.Page {
			t.Error("nobody is paged")
		}
		p.Settle()
		n = len(p.Journal)
		p.Give(returned("a#1/act", "a=1"))
		if got := p.Kinds(n); got != "" || p.Run.Word != engine.FailedClean {
			t.Errorf("the second time: %s, %s", got, p.Run.Word)
		}
	}},
	{"a late result that agrees is nothing", func(t *testing.T) {
		p := inDoubt(t, true).Answer(engine.AskDoubt, engine.ChoiceHappened, "alice")
		n := len(p.Journal)
		p.Give(returned("a#1/act", "a=1"))
		if got := p.Kinds(n); got != "" {
			t.Error(got)
		}
	}},
	{"a late result never settles the next attempt", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified, "retry: {attempts: 2, backoff: 1s}"))).
			On("a#1/act", enginetest.Lost(false)).On("a#2/act", enginetest.Silent(false)).Start().Approve("alice").Sleep(time.Second)
		p.Give(returned("a#1/act", "a=7"))
		if got := p.Run.Step("a"); got.Doing != engine.DoingAct || got.Attempt != 2 {
			t.Errorf("attempt %d is %s", got.Attempt, got.Doing)
		}
	}},
	{"a late result of an undo resolves its doubt", func(t *testing.T) {
		p := play(t, book(bump("a", gated, verify("undo")))).On("a#1/undo", enginetest.Lost(true))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11 * time.Second).WaitsOn("in_doubt").Give(returned("a#1/undo", "a=0")).Settle().Ended(engine.FailedClean)
	}},
	{"a late result of one attempt leaves the doubt of the next", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified, "retry: {attempts: 3, backoff: 1s}"))).On("a#1/act", enginetest.Lost(false)).
			On("a#2/act", enginetest.Lost(true)).On("a#2/probe.4", enginetest.Lost(false)).Start().Approve("alice").Sleep(time.Second)
		p.WaitsOn("in_doubt").Give(engine.Returned{ID: "r1/a#1/act", Outcome: enginetest.None("timeout").Outcome}).WaitsOn("in_doubt")
	}},
	{"a step that did nothing hides no effect of its group", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+bump("b", "optional: true"), gated, verify("keep")))).On("g/b#1/act", enginetest.None("invalid"))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11 * time.Second)
		if got := p.Run.Failed.Effect; got != engine.EffectApplied {
			t.Errorf("effect %s", got)
		}
	}},
	{"a plugin that does not say is not believed", func(t *testing.T) {
		f := enginetest.None("internal")
		f.Outcome.Effect = ""
		play(t, book(bump("a", gated, unverified))).On("a#1/act", f).Start().Approve("alice").WaitsOn("in_doubt")
	}},
	{"a doubt is resolved by the gate's role", func(t *testing.T) {
		p := inDoubt(t, true)
		p.Refused(engine.Answer{By: "os:mallory", Question: p.Question(engine.AskDoubt).ID, Choice: engine.ChoiceNot}, "is not in")
	}},
}

var recoveryStories = []story{
	{"a crash while a change is in flight makes it unknown", func(t *testing.T) {
		p := play(t, book(bump("a", gated, unverified))).On("a#1/act", enginetest.Silent(true)).Start().Approve("alice").Crash(time.Minute)
		for _, c := range engine.Pending(p.Run) {
			if _, ok := c.(engine.Act); ok {
				t.Fatal("it would be begun again")
			}
		}
		p.Settle().WaitsOn("in_doubt").Called("a#1/act")
	}},
	{"a crash while a change is in flight is probed", func(t *testing.T) {
		play(t, book(set("a", gated, unverified))).On("a#1/act", enginetest.Silent(true)).Start().Approve("alice").Crash(time.Minute).
			Settle().Called("a#1/act").Ended(engine.Succeeded)
	}},
	{"a crash while an undo is in flight makes it unknown", func(t *testing.T) {
		p := play(t, book(bump("a", gated, verify("undo")))).On("a#1/undo", enginetest.Silent(true))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).Crash(time.Minute).Settle().WaitsOn("in_doubt").
			Called("a#1/act", "a#1/undo").Answer(engine.AskDoubt, engine.ChoiceHappened, "alice").Ended(engine.FailedClean)
	}},
	{"what an undo needs outlives a crash", func(t *testing.T) {
		p := play(t, book(set("a", gated, verify("undo")))).On("a#1/act", enginetest.Silent(true)).On("a#1/probe.2", enginetest.Lost(true))
		p.World.Set("a", 3)
		p.World.SetSick(true)
		p.Start().Approve("alice").Crash(time.Minute).Settle().Answer(engine.AskDoubt, engine.ChoiceHappened, "alice").
			Sleep(11*time.Second).Answer(engine.AskDrift, engine.ChoiceForce, "alice").Holds("a", 3).Ended(engine.FailedClean)
	}},
	{"a crash while reading reads again", func(t *testing.T) {
		p := play(t, book(read("a"))).On("a#1/act", enginetest.Silent(false)).Start().Crash(time.Hour)
		p.World.On("a#1/act", enginetest.None("none"))
		p.Settle().Ended(engine.FailedClean)
		if got := p.Run.Step("a").Failure.Class; got != "none" {
			t.Errorf("it was not read again: %s", got)
		}
	}},
	{"a crash while planning plans again", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified)))
		p.Give(engine.Start{Facts: enginetest.Facts(p.Book)}).Give(engine.LocksGranted{ID: "r1/lock.1"})
		p.Crash(time.Hour).Sleep(0).WaitsOn("approval").Approve("alice").Ended(engine.Succeeded)
	}},
	{"a crash while guarding guards again", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified, guarded))).On("a#1/guard.2", enginetest.Silent(false)).Start().Approve("alice").Crash(time.Minute)
		p.World.On("a#1/guard.2", enginetest.None("none"))
		p.Settle().Ended(engine.FailedClean)
	}},
	{"a crash while a question is open moves its expiry", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start().Sleep(9 * time.Minute).Crash(time.Hour).Sleep(50 * time.Second).WaitsOn("approval")
		if got := p.Run.PeopleSeconds(p.Now); got != 590 {
			t.Errorf("%v seconds on people: downtime is apart", got)
		}
		p.Sleep(11 * time.Second).Ended(engine.Refused)
	}},
	{"a crash moves how long a yes holds", func(t *testing.T) {
		play(t, book(group("g", "\n  - wait: 5m"+set("a"), "approve: {of: [{role: ops, for: 5m}], valid_for: 6m}", unverified))).Start().
			Approve("alice").Sleep(time.Minute).Crash(10 * time.Minute).Sleep(0).Ended(engine.Succeeded)
	}},
	{"a crash while verifying starts the count again", func(t *testing.T) {
		play(t, book(set("a", gated, verified))).Start().Approve("alice").Sleep(time.Second).Crash(time.Hour).
			Sleep(time.Second).Never("verify_verdict").Sleep(2 * time.Second).Saw("verify_verdict committed").Ended(engine.Succeeded)
	}},
	{"a plain wait goes on by the clock", func(t *testing.T) {
		play(t, book("\n  - wait: 1m")).Start().Crash(2 * time.Minute).Sleep(0).Ended(engine.NoAction)
	}},
	{"downtime does not count for timeouts", func(t *testing.T) {
		play(t, book(group("g", step("wait: {uses: world.read, with: {key: w}, until: result.value == 1, within: 5m}"), "timeout: 2m"))).Start().
			Sleep(time.Minute).Crash(time.Hour).Sleep(59 * time.Second).Never("troubled").Sleep(2 * time.Second).Ended(engine.FailedClean)
	}},
	{"downtime counts once while people are waited for", func(t *testing.T) {
		play(t, book(group("g", bump("a", gated, unverified)+"\n  - wait: 20s", "timeout: 30s"))).Start().
			Sleep(time.Minute).Crash(time.Hour).Sleep(5 * time.Second).Approve("alice").Sleep(19 * time.Second).WaitsOn("timer").
			Sleep(time.Second).Ended(engine.Succeeded)
	}},
	{"a crash while a lock is waited for asks again", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified)))
		p.Locked = true
		p.Start().Crash(time.Minute).Settle().WaitsOn("lock")
		p.Locked = false
		p.Settle().WaitsOn("approval")
	}},
	{"a crash in doubt stays in doubt", func(t *testing.T) {
		inDoubt(t, true).Crash(time.Hour).Settle().WaitsOn("in_doubt").Answer(engine.AskDoubt, engine.ChoiceHappened, "alice").WaitsOn("approval")
	}},
	{"a crash while halted stays halted", func(t *testing.T) {
		play(t, book(set("a", gated, unverified))).Start().Say(engine.Halt{By: "alice"}).Crash(time.Hour).Settle().WaitsOn("halted")
	}},
	{"a crash in finally reads again", func(t *testing.T) {
		p := play(t, book(read("a"))+"\nfinally:"+read("z")).On("finally/z#1/act", enginetest.Silent(false)).Start().Crash(time.Minute)
		p.World.On("finally/z#1/act", enginetest.None("none"))
		p.Settle().Ended(engine.NoAction)
	}},
	{"a changed plugin voids what was asked", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		pins := p.Run.Facts.Pins
		pins.Plugins = map[string]string{"world": "world@2"}
		roles := map[string]engine.Role{"ops": {People: []string{"zoe"}}}
		p.Crash(time.Minute, func(r *engine.Recovered) { r.Pins, r.Roles = &pins, roles }).Saw("run_recovered gate_voided").Settle()
		q := p.Question(engine.AskGate)
		if q.ID != "r1/a#0/ask.2" {
			t.Error(q.ID)
		}
		p.Refused(engine.Vote{By: "alice", Question: q.ID, Digest: q.Digest, Approve: true}, "not in ops")
		p.Approve("zoe").Ended(engine.Succeeded)
	}},
	{"a changed plugin takes the cover from an undo", func(t *testing.T) {
		p := play(t, book(set("a", gated, verify("undo"))))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(time.Second)
		pins := p.Run.Facts.Pins
		pins.Config = "sha256:other"
		p.Crash(time.Minute, func(r *engine.Recovered) { r.Pins = &pins }).Sleep(11*time.Second).WaitsOn("person").Called("a#1/act").
			Answer(engine.AskResume, engine.ChoiceResume, "alice").Ended(engine.FailedClean)
	}},
	{"pins that are the same void nothing", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		pins := p.Run.Facts.Pins
		p.Crash(time.Minute, func(r *engine.Recovered) { r.Pins = &pins }).Settle().Never("gate_voided").Approve("alice").Ended(engine.Succeeded)
	}},
	{"a generation takes over once", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start().Crash(time.Minute)
		n := len(p.Journal)
		p.Give(engine.Recovered{Generation: p.Run.Generation, Down: time.Hour})
		if got := p.Kinds(n); got != "" {
			t.Error(got)
		}
	}},
}
