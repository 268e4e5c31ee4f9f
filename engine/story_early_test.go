package engine_test

import (
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

// tool is a gated mutation of a target of its own.
func tool(id string, lines ...string) string {
	return step("id: "+id, append([]string{"uses: tool.set", "resource: " + id, "with: {key: " + id + ", value: 7}", "undo: {uses: tool.set}"}, lines...)...)
}

var earlyStories = []story{
	{"a gate that reads a step that has ended is asked early", func(t *testing.T) {
		play(t, book(read("r"), "\n  - set: {n: \"${{ steps.r.outputs.value + 3 }}\"}", "\n  - wait: 1m",
			step("id: a", "if: steps.r.outputs.value == 0", "uses: world.set", `with: {key: a, value: "${{ vars.n }}"}`, undoSet, gated, unverified))).Start().
			WaitsOn("approval", "timer").Approve("alice").Sleep(time.Minute).Never("gate_voided").Holds("a", 3).Ended(engine.Succeeded)
	}},
	{"a gate is asked as soon as its question is known", func(t *testing.T) {
		p := play(t, book(read("r"), set("a", gated, unverified))).On("r#1/act", enginetest.Silent(false)).Start()
		if q := p.WaitsOn("approval").Question(engine.AskGate); !q.Early || !q.Expires.IsZero() || len(q.Members) != 1 {
			t.Errorf("asked early: %+v", q)
		}
		p.Approve("alice").Called().Give(engine.Returned{ID: "r1/r#1/act", Outcome: engine.Outcome{Outputs: []byte(`{"value":1}`)}}).Settle()
		p.Called("a#1/act").Ended(engine.Succeeded)
	}},
	{"what is asked early is not waited for", func(t *testing.T) {
		p := play(t, book("\n  - wait: 9m"+set("a", gated, unverified))).Start().Sleep(8 * time.Minute).Approve("alice").Sleep(2 * time.Minute)
		if w := p.Run.Waited["a"]; p.Run.AskedFor != 0 || w.Asked != 8*time.Minute || w.Held != 0 {
			t.Errorf("people were waited for %s: %+v", p.Run.AskedFor, w)
		}
		p.Ended(engine.Succeeded)
	}},
	{"people are waited for from the turn of what was asked early", func(t *testing.T) {
		p := play(t, book("\n  - wait: 5m"+set("a", gated, unverified))).Start().Sleep(8 * time.Minute).Approve("alice")
		if w := p.Run.Waited["a"]; p.Run.AskedFor != 3*time.Minute || w.Asked != 8*time.Minute || w.Held != 3*time.Minute {
			t.Errorf("people were waited for %s: %+v", p.Run.AskedFor, w)
		}
		p.Ended(engine.Succeeded)
	}},
	{"the time of an early question begins with its turn", func(t *testing.T) {
		p := play(t, book("\n  - wait: 1h"+set("a", gated, unverified))).Start().Sleep(59*time.Minute).WaitsOn("approval", "timer").Never("question_escalated")
		p.Refused(engine.Extend{By: "alice", Question: p.Question(engine.AskGate).ID, For: time.Minute}, "has not begun")
		p.Sleep(7 * time.Minute).Saw("step_started question_escalated").WaitsOn("approval").Sleep(5 * time.Minute).Ended(engine.Refused)
	}},
	{"an early yes holds only for a while, and is asked for again at its turn", func(t *testing.T) {
		p := play(t, book("\n  - wait: 30m"+set("a", gated, unverified))).Start().Approve("alice").Sleep(11 * time.Minute).Saw("gate_voided").WaitsOn("timer")
		p.Sleep(20 * time.Minute).WaitsOn("approval").Called().Approve("alice").Called("a#1/act").Ended(engine.Succeeded)
	}},
	{"what a stop has voided early is asked again at its turn", func(t *testing.T) {
		p := play(t, book("\n  - wait: 30m"+set("a", gated, unverified))).Start().WaitsOn("approval", "timer").
			Say(engine.Halt{By: "alice"}).Say(engine.Lift{By: "alice"}).WaitsOn("timer")
		p.Sleep(30 * time.Minute).WaitsOn("approval").Approve("bob").Ended(engine.Succeeded)
	}},
	{"an early no ends the run at once", func(t *testing.T) {
		play(t, book("\n  - wait: 30m"+set("a", gated, unverified))).Start().Deny("alice", false).Called().Ended(engine.Refused)
	}},
	{"a plan that cannot be made early is made at its turn", func(t *testing.T) {
		p := play(t, book("\n  - wait: 1m"+set("a", gated, unverified))).On("a#0/plan.1", enginetest.None("unavailable")).Start().WaitsOn("timer")
		p.Sleep(time.Minute).Approve("alice").Ended(engine.Succeeded)
	}},
	{"a gate whose target may change before is announced", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified), set("b", gated, unverified))).Start().Saw("question_announced question_opened")
		if q := p.Question(engine.AskGate); q.Path != "a" || q.Early {
			t.Errorf("asked: %+v", q)
		}
		p.Approve("alice").Approve("alice").Ended(engine.Succeeded)
	}},
	{"gates of different targets are asked side by side", func(t *testing.T) {
		p := play(t, book(tool("one", gated, unverified), tool("two", gated, unverified))).Start().WaitsOn("approval", "approval")
		for _, q := range p.Run.OpenQuestions() {
			if q.Path == "two" {
				p.Say(engine.Vote{By: "bob", Question: q.ID, Digest: q.Digest, Approve: true}).Called()
			}
		}
		p.Approve("alice").Called("one#1/act", "two#1/act").Ended(engine.Succeeded)
	}},
	{"what another step has to say is waited for", func(t *testing.T) {
		b := step("id: b", "uses: world.set", "with: {key: b, value: \"${{ steps.r.outputs.value }}\"}", undoSet, gated, unverified)
		play(t, book(read("r"), b)).On("r#1/act", enginetest.Silent(false)).Start().Never("question_opened").Saw("question_announced")
		c := step("id: c", "if: steps.r.outputs.value > 3", "uses: world.set", "with: {key: c, value: 1}", undoSet, gated, unverified)
		p := play(t, book(read("r"), c)).On("r#1/act", enginetest.Silent(false)).Start().Never("question_opened question_announced")
		p.Give(engine.Returned{ID: "r1/r#1/act", Outcome: engine.Outcome{Outputs: []byte(`{"value":4}`)}}).Settle().Approve("alice").Ended(engine.Succeeded)
		v := step("id: v", "uses: world.set", "with: {key: v, value: \"${{ vars.n }}\"}", undoSet, gated, unverified)
		play(t, book("\n  - wait: 1m", step("set: {n: 4}"), v)).Start().Never("question_opened").Sleep(time.Minute).Approve("alice").Holds("v", 4)
	}},
	{"what changes before its turn is asked about again", func(t *testing.T) {
		p := play(t, book("\n  - wait: 1m"+set("a", gated, unverified))).Start().Approve("alice")
		p.World.Set("a", 3)
		p.Sleep(time.Minute).Saw("gate_voided question_opened").Called().Approve("bob").Holds("a", 7).Ended(engine.Succeeded)
	}},
	{"a step that is skipped closes what was asked early", func(t *testing.T) {
		play(t, book("\n  - wait: 1m"+set("a", gated, unverified))).Start().Say(engine.Skip{By: "alice", Path: "a"}).WaitsOn("timer").
			Sleep(time.Minute).Called().Ended(engine.NoAction)
	}},
	{"a crash leaves what was asked early open", func(t *testing.T) {
		p := play(t, book("\n  - wait: 30m"+set("a", gated, unverified))).Start().Crash(time.Minute).Settle().WaitsOn("approval", "timer")
		p.Approve("alice").Sleep(9 * time.Minute).Never("gate_voided").Sleep(21 * time.Minute).Saw("gate_voided question_opened")
	}},
}
