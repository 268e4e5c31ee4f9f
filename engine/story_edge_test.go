package engine_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

// tooled is a mutation of a tool, which names what it changes.
func tooled(id, resource string) string {
	return step("id: "+id, "uses: tool.set", "with: {key: "+id+", value: 1}", "undo: {uses: tool.set}", "resource: "+resource, gated, unverified)
}

var edgeStories = []story{
	{"a run is not started with wrong inputs", func(t *testing.T) {
		for _, inputs := range []map[string]json.RawMessage{
			nil, {"n": json.RawMessage(`"text"`)}, {"n": json.RawMessage(`1`), "m": json.RawMessage(`1`)},
		} {
			p := play(t, "inputs: {n: {type: integer, required: true}}\n"+book(step("notify: ops", "text: n is ${{ inputs.n }}")))
			f := enginetest.Facts(p.Book)
			f.Inputs = inputs
			var refused *engine.StartError
			if p.Give(engine.Start{Facts: f}); !errors.As(p.Err, &refused) || len(p.Journal) != 0 {
				t.Errorf("%s: %v, %s", inputs, p.Err, p.Kinds(0))
			}
		}
	}},
	{"what has not been started takes nothing", func(t *testing.T) {
		p := play(t, book(read("a")))
		if p.Give(engine.Halt{By: "alice"}); p.Err == nil || len(p.Journal) != 0 {
			t.Error(p.Err)
		}
	}},
	{"inputs are read", func(t *testing.T) {
		p := play(t, "inputs: {n: {type: integer, required: true}}\n"+book(step("notify: ops", "text: n is ${{ inputs.n }}")))
		p.Start(func(f *engine.Facts) { f.Inputs = map[string]json.RawMessage{"n": json.RawMessage(`3`)} })
		if got := p.Run.Notices[0].Text; got != "n is 3" {
			t.Error(got)
		}
	}},
	{"a tool's resource is locked, with all others at once", func(t *testing.T) {
		p := play(t, book(tooled("x", "kv:x"), tooled("y", "kv:x"), bump("b", gated, unverified))).Start()
		if got := p.Run.Locks.Identities; !slices.Equal(got, []string{"kv:x", "world:1"}) {
			t.Error(got)
		}
		for range 3 {
			q := p.Run.OpenQuestions()[0]
			p.Say(engine.Vote{By: "alice", Question: q.ID, Digest: q.Digest, Approve: true})
		}
		p.Ended(engine.Succeeded)
	}},
	{"a yes is looked at once more at the intent", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified, guarded))).On("a#1/guard.2", enginetest.Silent(false)).Start().Approve("alice")
		p.Now = p.Now.Add(11 * time.Minute) // the timer is late
		p.Give(engine.Returned{ID: "r1/a#1/guard.2", Outcome: engine.Outcome{Outputs: []byte(`{"value":0}`)}}).Settle()
		p.Called().Saw("guard_passed gate_voided").WaitsOn("approval")
	}},
	{"a guard that was answered while a sibling is in doubt is read again", func(t *testing.T) {
		p := play(t, book(group("g", side("p", bump("a")+set("b", guarded)), gated, unverified))).
			On("g/p/a#1/act", enginetest.Silent(true)).On("g/p/b#1/guard.2", enginetest.Silent(false)).Start().Approve("alice")
		p.Give(engine.Returned{ID: "r1/g/p/a#1/act", Outcome: enginetest.Lost(true).Outcome})
		p.Give(engine.Returned{ID: "r1/g/p/b#1/guard.2", Outcome: engine.Outcome{Outputs: []byte(`{"value":0}`)}}).Settle()
		p.WaitsOn("in_doubt").Called("g/p/a#1/act").Answer(engine.AskDoubt, engine.ChoiceHappened, "alice").
			Called("g/p/a#1/act", "g/p/b#1/act").Ended(engine.Succeeded)
	}},
	{"a read beside a failure is cut", func(t *testing.T) {
		play(t, book(side("p", read("a")+read("b")))).On("p/a#1/act", enginetest.Silent(false)).On("p/b#1/act", enginetest.None("invalid")).
			Start().Status("p/a", engine.StatusCancelled).Status("p", engine.StatusFailed).Ended(engine.FailedClean)
	}},
	{"a read may have a gate and a guard of its own", func(t *testing.T) {
		p := play(t, book(read("a", gated, guarded))).Start().WaitsOn("approval").Approve("alice")
		p.Saw("question_decided guard_began guard_passed read_began").Ended(engine.NoAction)
	}},
	{"undo RUN tries again what had failed or was left", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+set("b"), gated, verify("undo")))+"\nfinally:\n  - wait: 1h\non_failure:\n  - wait: 1h").
			On("g/b#1/undo", enginetest.None("internal"))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).Saw("undo_failed effect_left").
			Say(engine.UndoRun{By: "alice"}).Called("g/a#1/act", "g/b#1/act", "g/b#1/undo", "g/b#1/undo.2", "g/a#1/undo").
			Sleep(time.Hour).Ended(engine.Undone).Holds("a", 0)
	}},
	{"a text that cannot be made does not stop a notice", func(t *testing.T) {
		p := play(t, book(read("a"), step("notify: ops", "text: a is ${{ 1 / steps.a.outputs.value }}"))).Start().Ended(engine.NoAction)
		if len(p.Run.Notices) != 1 {
			t.Error("nobody was told")
		}
	}},
	{"an input that cannot be made fails its step", func(t *testing.T) {
		zero := read("r")
		for _, src := range []string{
			zero + step("id: a", "uses: world.read", "with: {key: 'x${{ 1 / steps.r.outputs.value }}'}"),
			zero + step("id: a", "set: {v: '${{ 1 % steps.r.outputs.value }}'}"),
			zero + step("id: a", "wait: {uses: world.read, with: {key: 'x${{ 1 / steps.r.outputs.value }}'}, until: result.value == 1, within: 5s}"),
			zero + step("id: a", "uses: world.set", "with: {key: a, value: '${{ 1 % steps.r.outputs.value }}'}", undoSet, gated, unverified),
			zero + read("a", "guard: {uses: world.read, with: {key: 'x${{ 1 / steps.r.outputs.value }}'}, that: result.value == 1}"),
		} {
			p := play(t, book(src)).Start().Called().Ended(engine.FailedClean)
			if f := p.Run.Step("a").Failure; f == nil || f.Class != "expression" {
				t.Errorf("%s: %+v", src, f)
			}
		}
	}},
	{"an answer that does not fit its contract fails the read", func(t *testing.T) {
		p := play(t, book(read("a"))).On("a#1/act", enginetest.Fault{Outcome: engine.Outcome{Outputs: []byte(`{"value":"text"}`)}}).Start()
		if f := p.Run.Step("a").Failure; f == nil || f.Class != "invalid" {
			t.Errorf("%+v", f)
		}
		p.Ended(engine.FailedClean)
	}},
}
