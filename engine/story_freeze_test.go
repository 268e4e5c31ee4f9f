package engine_test

import (
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

const peak = "firebreak.yaml:9 freezes.peak"

// frozen and thawed are what a run is told when a freeze begins and ends.
func frozen(change ...func(*engine.Stop)) engine.Freeze {
	s := engine.Stop{Service: "api", By: peak, Reason: "the shop is full", Until: time.Date(2026, 1, 2, 20, 0, 0, 0, time.UTC)}
	for _, c := range change {
		c(&s)
	}
	return engine.Freeze{Stop: s}
}

func thawed(rule string) engine.Lift {
	return engine.Lift{By: rule, Kind: engine.StopFreeze, Service: "api"}
}

func rollbacks(s *engine.Stop) { s.Rollbacks = true }

// startFrozen starts a run under a freeze.
func startFrozen(p *enginetest.Play, change ...func(*engine.Facts)) *enginetest.Play {
	return p.Start(append(change, func(f *engine.Facts) {
		s := frozen().Stop
		s.Kind = engine.StopFreeze
		f.Stops = append(f.Stops, s)
	})...)
}

// glass says yes in spite of the rules.
func glass(p *enginetest.Play, by string) *enginetest.Play {
	q := p.Question(engine.AskGate)
	return p.Say(engine.Vote{By: by, Question: q.ID, Digest: q.Digest, Approve: true, BreakGlass: "they cannot pay"})
}

func rollback(id string, lines ...string) string {
	return step("id: "+id, append([]string{"uses: world.rollback", "with: {key: " + id + "}", undoBump}, lines...)...)
}

var freezeStories = []story{
	{"a freeze is waited out", func(t *testing.T) {
		p := startFrozen(play(t, book(read("r"), set("a", gated, unverified)))).WaitsOn("frozen").Status("a", engine.StatusWaiting)
		q := p.Question(engine.AskGate)
		if want := "frozen by " + peak + " until 2026-01-02 20:00 +00:00: the shop is full"; q.Frozen != want {
			t.Errorf("got %q, wanted %q", q.Frozen, want)
		}
		p.Refused(engine.Vote{By: "alice", Question: q.ID, Digest: q.Digest, Approve: true}, "who may break the glass").
			Refused(engine.Vote{By: "alice", Question: q.ID, Digest: q.Digest, Approve: true, BreakGlass: "I must"}, "who may break the glass").
			Refused(engine.Vote{By: "carol", Question: q.ID, Digest: q.Digest, Approve: true}, "--break-glass").
			Refused(engine.Extend{By: "alice", Question: q.ID}, peak).
			Sleep(48 * time.Hour).WaitsOn("frozen").Called().
			Say(thawed(peak)).WaitsOn("approval").Approve("alice").Called("a#1/act").Ended(engine.Succeeded)
	}},
	{"the end of a freeze asks anew, with its time", func(t *testing.T) {
		startFrozen(play(t, book(set("a", gated, unverified)))).Sleep(48 * time.Hour).Say(thawed(peak)).Saw("gate_voided gate_plan_began question_opened").
			Sleep(11 * time.Minute).Called().Ended(engine.Refused)
	}},
	{"who breaks the glass passes a freeze", func(t *testing.T) {
		glass(startFrozen(play(t, book(set("a", gated, unverified)))), "carol").Saw("notice_queued question_decided").
			Called("a#1/act").Ended(engine.Succeeded)
	}},
	{"a broken glass does not pass a later freeze", func(t *testing.T) {
		p := glass(startFrozen(play(t, book(group("g", "\n  - wait: 1m"+set("a"), gated, unverified)))), "carol")
		p.Give(frozen(func(s *engine.Stop) { s.By = "firebreak.yaml:20 freezes.storm" })).Settle()
		p.Sleep(time.Minute).Called().WaitsOn("frozen")
		glass(p, "carol").Called("g/a#1/act").Ended(engine.Succeeded)
	}},
	{"a freeze lets a read go on", func(t *testing.T) {
		p := play(t, book(read("r"), read("s"))).On("r#1/act", enginetest.Silent(false)).Start().Give(frozen())
		p.Give(engine.Returned{ID: "r1/r#1/act", Outcome: engine.Outcome{Outputs: []byte(`{"value":0}`)}}).Settle().Ended(engine.NoAction)
	}},
	{"a freeze lets what has begun go on to its end", func(t *testing.T) {
		play(t, book(group("g", set("a")+set("b"), gated, verified))).On("g/a#1/act", enginetest.Silent(true)).Start().Approve("alice").
			Give(frozen()).Give(returned("g/a#1/act", "a=7")).Settle().Called("g/a#1/act", "g/b#1/act").Sleep(3 * time.Second).
			Saw("committed").Ended(engine.Succeeded)
	}},
	{"a freeze voids what was asked, and asks again", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		q := p.Question(engine.AskGate)
		p.Give(frozen()).Settle().Saw("stopped gate_voided gate_plan_began member_planned question_opened").WaitsOn("frozen").
			Refused(engine.Vote{By: "alice", Question: q.ID, Digest: q.Digest, Approve: true}, "closed").Called()
	}},
	{"a freeze voids a yes that was not used", func(t *testing.T) {
		play(t, book(group("g", "\n  - wait: 1m"+set("a"), gated, unverified))).Start().Approve("alice").
			Give(frozen()).Sleep(time.Minute).Called().WaitsOn("frozen").Say(thawed(peak)).WaitsOn("approval").Approve("alice").Ended(engine.Succeeded)
	}},
	{"a freeze never holds an undo back", func(t *testing.T) {
		p := play(t, book(set("a", gated, verify("undo"))))
		p.World.SetSick(true)
		p.Start().Approve("alice").Give(frozen()).Sleep(11*time.Second).Called("a#1/act", "a#1/undo").Ended(engine.FailedClean)
	}},
	{"a run that undoes another is not frozen", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start().Approve("alice").Ended(engine.Succeeded)
		f := engine.UndoOf(&p.Run, nil)
		u := enginetest.NewPlay(t, p.Src)
		u.World.Set("a", 7)
		startFrozen(u, func(facts *engine.Facts) {
			f.ID, f.Requester, f.Roles, f.Generation, f.Rules = "r2", facts.Requester, facts.Roles, facts.Generation, facts.Rules
			*facts = f
		}).WaitsOn("approval").Approve("alice").Holds("a", 0).Ended(engine.Undone)
	}},
	{"a handler that tidies up is not frozen", func(t *testing.T) {
		p := play(t, book(set("a", gated, verify("keep")))+"\nfinally:"+bump("z", gated, unverified))
		p.World.SetSick(true)
		p.Start().Approve("alice").Give(frozen()).Sleep(11*time.Second).WaitsOn("approval").Approve("alice").Holds("z", 1).Ended(engine.FailedDirty)
	}},
	{"a handler of a run that has changed nothing is frozen", func(t *testing.T) {
		startFrozen(play(t, book(read("a"))+"\non_failure:"+bump("b", gated, unverified)).On("a#1/act", enginetest.None("invalid"))).
			WaitsOn("frozen").Say(thawed(peak)).Approve("alice").Holds("b", 1).Ended(engine.FailedClean)
	}},
	{"a freeze holds back the branch that has not begun", func(t *testing.T) {
		p := play(t, book(side("p", set("a", gated, unverified)+group("s", "\n  - wait: 1m"+set("b"), gated, unverified)))).
			On("p/a#1/act", enginetest.Silent(true)).Start()
		for _, q := range p.Run.OpenQuestions() {
			p.Say(engine.Vote{By: "alice", Question: q.ID, Digest: q.Digest, Approve: true})
		}
		p.
			Give(frozen()).Give(returned("p/a#1/act", "a=7")).Sleep(time.Minute).Called("p/a#1/act").WaitsOn("frozen").
			Say(thawed(peak)).Approve("alice").Called("p/a#1/act", "p/s/b#1/act").Ended(engine.Succeeded)
	}},
	{"what begins with a rollback passes a freeze that says so", func(t *testing.T) {
		p := play(t, book(group("g", rollback("a")+set("b"), gated, unverified), set("c", gated, unverified))).Start()
		p.Give(frozen(rollbacks)).Settle().Approve("alice").Called("g/a#1/act", "g/b#1/act").WaitsOn("frozen")
		p.Say(thawed(peak)).Approve("alice").Ended(engine.Succeeded)
	}},
	{"a freeze in a foreach holds back the items whose gates have not begun", func(t *testing.T) {
		play(t, book(each("f", "${{ [1, 2] }}", set("a", gated, unverified)))).Start().Approve("alice").WaitsOn("approval").Give(frozen()).Settle().WaitsOn("frozen").
			Called("f/1/a#1/act").Say(thawed(peak)).Approve("alice").Called("f/1/a#1/act", "f/2/a#1/act").Ended(engine.Succeeded)
	}},
	{"a gate around a foreach that has begun is not frozen", func(t *testing.T) {
		play(t, book(each("f", "${{ [1, 2] }}", bump("a"), gated, unverified))).On("f/1/a#1/act", enginetest.Silent(true)).Start().Approve("alice").Give(frozen()).
			Give(returned("f/1/a#1/act", "a=1")).Settle().Called("f/1/a#1/act", "f/2/a#1/act").Ended(engine.Succeeded)
	}},
	{"a crash while frozen stays frozen", func(t *testing.T) {
		startFrozen(play(t, book(set("a", gated, unverified)))).Crash(time.Hour).Settle().WaitsOn("frozen").Sleep(time.Hour).
			Called().Say(thawed(peak)).Approve("alice").Ended(engine.Succeeded)
	}},
	{"the time of a freeze does not count", func(t *testing.T) {
		p := startFrozen(play(t, "timeout: 20m\n"+book(set("a", gated, unverified)))).Sleep(48 * time.Hour).Say(thawed(peak)).Approve("alice").Ended(engine.Succeeded)
		if got := p.Run.AskedFor; got != 0 {
			t.Errorf("people were waited for, for %s", got)
		}
	}},
	{"a no under a freeze refuses the run", func(t *testing.T) {
		startFrozen(play(t, book(set("a", gated, unverified)))).Deny("alice", false).Called().Ended(engine.Refused)
	}},
	{"what is asked early under a freeze is frozen at its turn", func(t *testing.T) {
		startFrozen(play(t, book("\n  - wait: 1h", set("a", gated, unverified)))).WaitsOn("frozen", "timer").Sleep(2 * time.Hour).
			Saw("question_due").WaitsOn("frozen").Sleep(2 * time.Hour).Say(thawed(peak)).Approve("alice").Ended(engine.Succeeded)
	}},
	{"each of two freezes ends by itself", func(t *testing.T) {
		p := startFrozen(play(t, book(set("a", gated, unverified))))
		p.Give(frozen(func(s *engine.Stop) { s.By = "two" })).Settle().Say(thawed(peak)).WaitsOn("frozen")
		if q := p.Question(engine.AskGate); q.Frozen[:len("frozen by two")] != "frozen by two" {
			t.Error(q.Frozen)
		}
		p.Say(thawed("two")).Approve("alice").Ended(engine.Succeeded)
	}},
	{"a freeze passes a gate before a read", func(t *testing.T) {
		startFrozen(play(t, book(read("a", gated)))).WaitsOn("approval").Approve("alice").Ended(engine.NoAction)
	}},
	{"what has begun is not frozen, though its yes was void since", func(t *testing.T) {
		play(t, book(group("g", set("a")+"\n  - wait: 1m"+set("b"), gated, unverified))).Start().Approve("alice").Give(frozen()).
			Say(engine.Halt{By: "alice"}).Say(engine.Lift{By: "alice"}).Sleep(time.Minute).WaitsOn("approval").Approve("alice").
			Called("g/a#1/act", "g/b#1/act").Ended(engine.Succeeded)
	}},
	{"a halt and a freeze stand side by side", func(t *testing.T) {
		p := startFrozen(play(t, book(set("a", gated, unverified)))).Say(engine.Halt{By: "alice"}).WaitsOn("halted")
		p.Say(thawed(peak)).WaitsOn("halted").Say(engine.Lift{By: "alice"}).WaitsOn("approval").Approve("alice").Ended(engine.Succeeded)
	}},
}
