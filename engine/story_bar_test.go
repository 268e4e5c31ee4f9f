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
}
