package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

// another is what a run is told when somebody else has changed its service, a
// while after the run began.
func another(p *enginetest.Play, id string) engine.ChangeMade {
	return engine.ChangeMade{Change: engine.ServiceChange{Reporter: "machine:ci", ID: id, At: p.Run.StartedAt.Add(time.Second), Author: "dave", Title: "v2.3.0"}}
}

// toldOf looks whether who is asked about a gate is told of a change.
func toldOf(t *testing.T, p *enginetest.Play) *enginetest.Play {
	t.Helper()
	q := p.Question(engine.AskGate)
	if len(q.Changed) != 1 || !strings.HasPrefix(q.Changed[0], "since this run began dave has changed its service: v2.3.0 (") {
		t.Errorf("told is %q", q.Changed)
	}
	return p
}

var yieldStories = []story{
	{"somebody else changes the service, and people are asked again", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		p.Give(another(p, "1")).Settle().Saw("change_seen gate_voided gate_plan_began question_opened")
		toldOf(t, p).Approve("alice").Called("a#1/act").Ended(engine.Succeeded)
	}},
	{"what others have changed is told when people are asked first", func(t *testing.T) {
		p := play(t, book(read("r"), set("a", "if: steps.r.outputs.value == 0", gated, unverified))).On("r#1/act", enginetest.Silent(false)).Start()
		p.Give(another(p, "1")).Give(engine.Returned{ID: "r1/r#1/act", Outcome: engine.Outcome{Outputs: []byte(`{"value":0}`)}}).Settle().Never("gate_voided")
		toldOf(t, p).Approve("alice").Ended(engine.Succeeded)
	}},
	{"somebody else changes the service, and the rest of a group is asked again", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+set("b"), gated, unverified))).On("g/a#1/act", enginetest.Silent(true)).Start().Approve("alice")
		p.Give(another(p, "1")).Give(engine.Returned{ID: "r1/g/a#1/act", Outcome: engine.Outcome{Effect: engine.EffectApplied, Outputs: []byte(`{"value":7}`)}}).Settle()
		toldOf(t, p.Called("g/a#1/act").WaitsOn("approval")).Approve("alice").Called("g/a#1/act", "g/b#1/act").Ended(engine.Succeeded)
	}},
	{"somebody else changes the service, and an undo waits for a person", func(t *testing.T) {
		p := play(t, book(set("a", gated, verify("undo"))))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(time.Second)
		p.Give(another(p, "1")).Sleep(11*time.Second).WaitsOn("person").Called("a#1/act").
			Answer(engine.AskResume, engine.ChoiceResume, "alice").Ended(engine.FailedClean)
	}},
	{"a yes from before somebody else changed the service is void", func(t *testing.T) {
		p := play(t, book(group("g", "\n  - wait: 1m"+set("a"), gated, unverified))).Start().Approve("alice")
		p.Give(another(p, "1")).Settle()
		toldOf(t, p.Sleep(time.Minute).WaitsOn("approval").Called()).Approve("alice").Called("g/a#1/act").Ended(engine.Succeeded)
	}},
	{"a change from before the run, or told before, is no news", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		old := another(p, "0")
		old.Change.At = p.Run.StartedAt
		p.Give(old).Never("change_seen")
		p.Give(another(p, "1")).Settle().Give(another(p, "1")).Settle()
		if len(p.Run.Changes) != 1 || p.Run.Gates["a"].Asks != 2 {
			t.Errorf("%d changes, asked %d times", len(p.Run.Changes), p.Run.Gates["a"].Asks)
		}
		other := another(p, "1")
		other.Change.Reporter = "eve"
		p.Give(other).Settle()
		if len(p.Run.Changes) != 2 {
			t.Errorf("that of another reporter is not told")
		}
	}},
}
