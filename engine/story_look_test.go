package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

// took says how long each role took, of the last question that was decided.
func took(p *enginetest.Play) string {
	p.T.Helper()
	if len(p.Run.Answers) == 0 {
		p.T.Fatal("nothing was answered")
	}
	var all []string
	for _, a := range p.Run.Answers[len(p.Run.Answers)-1].Asked {
		text := a.Role
		for _, at := range []*time.Duration{a.Looked, a.Answered} {
			if at == nil {
				text += " never"
				continue
			}
			text += fmt.Sprintf(" %s", *at)
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// look has somebody look at the only open gate.
func look(p *enginetest.Play, by string) *enginetest.Play {
	p.T.Helper()
	return p.Give(engine.LookedAt{By: by, Question: p.Question(engine.AskGate).ID})
}

func wantTook(p *enginetest.Play, want string) {
	p.T.Helper()
	if got := took(p); got != want {
		p.T.Errorf("they took %s; want %s", got, want)
	}
}

var lookStories = []story{
	{"who looks is noted once, of those who may answer", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		n := len(p.Journal)
		for _, by := range []string{"dora", "os:mallory"} { // who asked, and nobody
			if look(p, by); p.Err != nil || len(p.Journal) != n {
				t.Errorf("%s: %v, %d records", by, p.Err, len(p.Journal)-n)
			}
		}
		look(p, "alice").Saw("question_seen")
		if look(p, "alice"); len(p.Journal) != n+1 {
			t.Error("a second look is recorded")
		}
		id := p.Question(engine.AskGate).ID
		if p.Approve("bob").Give(engine.LookedAt{By: "carol", Question: id}); p.Err == nil {
			t.Error("a look at what is closed is no stale input")
		}
	}},
	{"how long each role took, from when it was asked", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start().Sleep(time.Minute)
		look(p, "alice").Sleep(5 * time.Minute) // the next role is asked after five
		look(p, "carol").Sleep(30 * time.Second).Approve("carol")
		wantTook(p, "ops 1m0s never, lead 1m0s 1m30s")
		if a := p.Run.Answers[0]; a.OpenFor != 6*time.Minute+30*time.Second || a.By != "carol" || a.Choice != engine.ChoiceApprove {
			t.Errorf("answered: %+v", a)
		}
		p = play(t, book(set("a", two, unverified))).Start().Sleep(time.Minute).Approve("alice").Sleep(time.Minute).Approve("carol")
		wantTook(p, "ops 1m0s 1m0s, lead 2m0s 2m0s") // before its turn: from the beginning
		p = play(t, book(set("a", gated, unverified))).Start().Sleep(time.Hour)
		wantTook(p, "ops never never, lead never never")
		p = play(t, book(set("a", gated, unverified))).Start().Sleep(time.Minute).
			Say(engine.Hand{By: "alice", Question: "r1/a#0/ask.1", To: "carol"}).Sleep(time.Minute).Approve("carol")
		wantTook(p, "ops 1m0s 2m0s, lead 2m0s 2m0s")
		p = play(t, book("\n  - id: a\n    ask: How many?\n    value: {type: integer}\n    of: [{role: ops, for: 5m}]\n    on_expiry: abort")).Start().Sleep(time.Minute)
		p.Say(engine.Provide{By: "bob", Question: p.Question(engine.AskValue).ID, Value: []byte("3")})
		wantTook(p, "ops 1m0s 1m0s")
	}},
	{"the time of a crash counts against no role", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start().Sleep(time.Minute)
		look(p, "alice").Sleep(time.Minute).Crash(time.Hour).Settle().Sleep(time.Minute).Approve("alice")
		wantTook(p, "ops 1m0s 3m0s")
	}},
	{"what a call said at last is kept when it failed", func(t *testing.T) {
		words := []string{"connecting", "no space left"}
		said := func(f enginetest.Fault) enginetest.Fault {
			f.Outcome.Lines = words
			return f
		}
		p := play(t, book(set("a", gated, unverified, "retry: {attempts: 2, backoff: 1s}"))).On("a#1/act", said(enginetest.None("unavailable"))).Start().
			Approve("alice").Saw("intended step_said retry_scheduled").Sleep(time.Second).Ended(engine.Succeeded)
		if e, ok := kept(p); !ok || e.Path != "a" || e.Attempt != 1 || e.Undo || !slices.Equal(e.Lines, words) {
			t.Errorf("kept %+v", e)
		}
		play(t, book(set("a", gated, unverified))).On("a#1/act", said(enginetest.Lost(true))).On("a#1/probe.2", enginetest.Lost(false)).Start().
			Approve("alice").Saw("step_said effect_unknown").WaitsOn("in_doubt")
		play(t, book(read("a"))).On("a#1/act", said(enginetest.None("internal"))).Start().Saw("step_said step_failed").Ended(engine.FailedClean)
		well := play(t, book(read("a"))).On("a#1/act", enginetest.Fault{Outcome: engine.Outcome{Outputs: []byte(`{"value":1}`), Lines: words}}).Start().Ended(engine.NoAction)
		if e, ok := kept(well); ok || strings.Contains(well.String(), "no space left") {
			t.Errorf("of a call that went well %+v is kept, or else its words", e)
		}
		undo := tried(t).On("a#1/undo", said(enginetest.None("unavailable"))).Start().Approve("alice").Sleep(11 * time.Second)
		if e, _ := kept(undo); !e.Undo || e.Path != "a" {
			t.Errorf("of an undo %+v is kept", e)
		}
	}},
}

// kept is the first that was kept of what calls said.
func kept(p *enginetest.Play) (said engine.StepSaid, ok bool) {
	for _, rec := range p.Journal {
		if e, is := rec.Event.(engine.StepSaid); is {
			return e, true
		}
	}
	return said, false
}
