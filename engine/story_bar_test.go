package engine_test

import (
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

// startBarred starts a run that a rule bars from changing anything.
func startBarred(p *enginetest.Play, change ...func(*engine.Bar)) *enginetest.Play {
	bar := engine.Bar{Class: "shadow", Reason: "firebreak.yaml:9 policy.automation.shadow; start it yourself"}
	for _, c := range change {
		c(&bar)
	}
	return p.Start(func(f *engine.Facts) {
		f.Requester, f.Bar = engine.Requester{Kind: "alert", Name: "HighLatency"}, &bar
	})
}

var barStories = []story{
	{"a run that is barred looks, and says what it would have done", func(t *testing.T) {
		p := startBarred(play(t, book(read("r"), group("g", set("a")+set("b"), gated, unverified), read("s")))).
			Saw("would_have troubled").Never("question_opened").Never("locks_requested").Called().
			Status("r", engine.StatusSucceeded).Status("s", engine.StatusPending).Ended(engine.Refused)
		if c := p.Run.Cause; c.Class != "shadow" || c.Reason != "firebreak.yaml:9 policy.automation.shadow; start it yourself" {
			t.Errorf("%+v", c)
		}
		if w := p.Run.WouldHave; w == nil || w.Path != "g" || len(w.Members) != 2 || string(w.Members[1].Binding) != `{"key":"b","value":7}` {
			t.Errorf("%+v", w)
		}
	}},
	{"a run that is barred waits for no locks", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified)))
		p.Locked = true
		startBarred(p).Saw("would_have").Ended(engine.Refused)
	}},
	{"a run that is barred asks nobody early", func(t *testing.T) {
		startBarred(play(t, book("\n  - wait: 1m", set("a", gated, unverified)))).WaitsOn("timer").Never("would_have").
			Sleep(time.Minute).Saw("would_have").Ended(engine.Refused)
	}},
	{"a run that is barred and changes nothing ends as any other", func(t *testing.T) {
		startBarred(play(t, book(read("a", gated)))).WaitsOn("approval").Approve("alice").Never("would_have").Ended(engine.NoAction)
	}},
	{"the handlers of a run that is barred only read", func(t *testing.T) {
		startBarred(play(t, book(set("a", gated, unverified))+"\nfinally:"+bump("y", gated, unverified)+read("z"))).
			Status("finally/y", engine.StatusSkipped).Status("finally/z", engine.StatusSucceeded).Called().Ended(engine.Refused)
		startBarred(play(t, book(read("a"))+"\non_failure:"+bump("b", gated, unverified)).On("a#1/act", enginetest.None("invalid"))).
			Status("on_failure/b", engine.StatusSkipped).Called().Ended(engine.FailedClean)
	}},
	{"a bar pages as the run begins, where the rule says so", func(t *testing.T) {
		p := startBarred(play(t, book(read("a"))), func(b *engine.Bar) { b.Class, b.Page = "read_only", true }).Saw("notice_queued").Ended(engine.NoAction)
		if n := p.Run.Notices[0]; !n.Page || n.To != "platform" {
			t.Errorf("%+v", n)
		}
	}},
	{"a freeze does not hold a run that is barred", func(t *testing.T) {
		startFrozen(play(t, book(set("a", gated, unverified))), func(f *engine.Facts) { f.Bar = &engine.Bar{Class: "shadow"} }).
			Saw("would_have").Ended(engine.Refused)
	}},
	{"a run is barred that has changed nothing yet", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+set("b"), gated, unverified), read("s"))).On("g/a#1/plan.1", enginetest.Silent(false)).Start().Approve("alice")
		p.Give(barred()).Settle().Saw("run_barred gate_voided gate_plan_began would_have troubled").Called().
			Status("s", engine.StatusPending).Ended(engine.Refused)
		if c := p.Run.Cause; c.Class != "budget" || c.Reason != "firebreak.yaml:9 policy.automation.budget; start it yourself" || len(p.Run.WouldHave.Members) != 2 {
			t.Errorf("%+v would have done %+v", c, p.Run.WouldHave)
		}
		if n := p.Run.Notices[0]; !n.Page || n.To != "platform" {
			t.Errorf("%+v", n)
		}
	}},
	{"who is asked by a run that is barred since is asked no more", func(t *testing.T) {
		play(t, book(set("a", gated, unverified))).Start().WaitsOn("approval").Do(func(p *enginetest.Play) { p.Give(barred()).Settle() }).
			Saw("run_barred gate_voided").Ended(engine.Refused)
	}},
	{"what has begun is not barred any more", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+set("b"), gated, unverified))).On("g/a#1/act", enginetest.Silent(true)).Start().Approve("alice")
		p.Give(barred()).Never("run_barred")
		p.Give(engine.Returned{ID: "r1/g/a#1/act", Outcome: engine.Outcome{Effect: engine.EffectApplied, Outputs: []byte(`{"value":7}`)}}).Settle().
			Called("g/a#1/act", "g/b#1/act").Ended(engine.Succeeded)
	}},
	{"a handler that is barred while it asks passes its change over", func(t *testing.T) {
		p := play(t, book(read("a"))+"\non_failure:"+bump("b", gated, unverified)+read("c")).On("a#1/act", enginetest.None("invalid")).Start().WaitsOn("approval")
		p.Give(barred()).Settle().Status("on_failure/b", engine.StatusSkipped).Status("on_failure/c", engine.StatusSucceeded).Called().Ended(engine.FailedClean)
	}},
	{"a run that undoes another is not barred", func(t *testing.T) {
		src := book(set("a", gated, unverified))
		done := play(t, src).Start().Approve("alice").Ended(engine.Succeeded)
		f := engine.UndoOf(&done.Run, nil)
		f.ID = "r2"
		p := play(t, src)
		p.World = done.World
		p.Start(func(to *engine.Facts) { *to = f }).Give(barred()).Never("run_barred").Approve("alice").Ended(engine.Undone)
	}},
}

// barred is what a run is told that a rule bars.
func barred() engine.Barred {
	return engine.Barred{Bar: engine.Bar{Class: "budget", Reason: "firebreak.yaml:9 policy.automation.budget; start it yourself", Page: true}}
}
