package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

var gateStories = []story{
	{"a yes for what was shown", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		q := p.Question(engine.AskGate)
		if len(q.Members) != 1 || string(q.Members[0].Binding) != `{"key":"a","value":7}` || q.Members[0].Undo != "world.set" {
			t.Errorf("the card shows %+v", q.Members)
		}
		p.Approve("alice").Ended(engine.Succeeded).Called("a#1/act")
	}},
	{"a no before anything is changed refuses the run", func(t *testing.T) {
		play(t, book(set("a", gated, unverified))).Start().Deny("alice", false).Called().Ended(engine.Refused)
	}},
	{"a no after a change undoes it", func(t *testing.T) {
		play(t, book(group("g", set("a", gated)+set("b", gated), unverified))).Start().Approve("alice").
			Deny("bob", false).Called("g/a#1/act", "g/a#1/undo").Holds("a", 0).Ended(engine.FailedClean)
	}},
	{"a no that keeps leaves the change and says so", func(t *testing.T) {
		p := play(t, book(group("g", set("a", gated)+set("b", gated), unverified))).Start().Approve("alice").
			Deny("bob", true).Called("g/a#1/act").Holds("a", 7).Saw("effect_left run_ended").Ended(engine.FailedDirty)
		if n := p.Run.Notices[len(p.Run.Notices)-1]; !n.Page {
			t.Error("a dirty end pages nobody")
		}
	}},
	{"a no after only verified changes refuses the rest", func(t *testing.T) {
		play(t, book(set("a", gated, verified), set("b", gated, unverified))).Start().Approve("alice").Sleep(5*time.Second).
			Deny("bob", false).Holds("a", 7).Ended(engine.Refused)
	}},
	{"silence aborts", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start().Sleep(9 * time.Minute).WaitsOn("approval").
			Sleep(2 * time.Minute).Called().Ended(engine.Refused)
		if n := p.Run.Notices[len(p.Run.Notices)-1]; !n.Page || n.About != "" {
			t.Errorf("silence pages nobody: %+v", n)
		}
	}},
	{"silence skips where the runbook says so", func(t *testing.T) {
		play(t, book(set("a", "approve: {of: [{role: ops, for: 5m}], on_expiry: skip}", unverified), read("b"))).Start().
			Sleep(6*time.Minute).Status("a", engine.StatusSkipped).Status("b", engine.StatusSucceeded).Ended(engine.NoAction)
	}},
	{"silence never skips a group that has begun", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+set("b"), "approve: {of: [{role: ops, for: 5m}], on_expiry: skip}", unverified))).Start()
		p.On("g/a#1/act", enginetest.Silent(true)).Approve("alice").
			Say(engine.Halt{By: "alice"}).Say(engine.Lift{By: "alice"}).
			Give(engine.Returned{ID: "r1/g/a#1/act", Outcome: engine.Outcome{
				Effect: engine.EffectApplied, Receipt: []byte(`{"key":"a","value":0}`), Left: "a=7"}}).Settle()
		p.WaitsOn("approval").Sleep(6*time.Minute).WaitsOn("person").
			Answer(engine.AskResume, engine.ChoiceResume, "alice").Holds("a", 0).Ended(engine.FailedClean)
	}},
	{"a late yes does not count", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		q := p.Question(engine.AskGate)
		p.Now = p.Now.Add(11 * time.Minute)
		p.Refused(engine.Vote{By: "alice", Question: q.ID, Digest: q.Digest, Approve: true}, "expired")
		p.Sleep(0).Called().Ended(engine.Refused)
	}},
	{"a yes holds only for a while", func(t *testing.T) {
		play(t, book(group("g", "\n  - wait: 3m"+set("a"), "approve: {of: [{role: ops, for: 5m}], valid_for: 2m}", unverified))).
			Start().Approve("alice").Sleep(2 * time.Minute).Saw("gate_voided").Sleep(2 * time.Minute).WaitsOn("approval").Called().
			Approve("alice").Ended(engine.Succeeded)
	}},
	{"nobody approves their own request", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		q := p.Question(engine.AskGate)
		p.Refused(engine.Vote{By: "dora", Question: q.ID, Digest: q.Digest, Approve: true}, "own request").WaitsOn("approval")
		p.Say(engine.Vote{By: "dora", Question: q.ID}).Ended(engine.Refused)
	}},
	{"the requester may where the runbook says so", func(t *testing.T) {
		play(t, book(set("a", "approve: {of: [{role: ops, for: 5m}], self: true}", unverified))).Start().Approve("dora").Ended(engine.Succeeded)
	}},
	{"who started an alert's run may answer", func(t *testing.T) {
		play(t, book(set("a", gated, unverified))).
			Start(func(f *engine.Facts) { f.Requester = engine.Requester{Kind: "drill", Name: "dora"} }).
			Approve("dora").Ended(engine.Succeeded)
	}},
	{"a machine does not approve its own request either", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start(func(f *engine.Facts) {
			f.Requester = engine.Requester{Kind: "machine", Name: "machine:ci"}
			f.Roles["ops"] = engine.Role{People: []string{"alice", "machine:ci"}}
		})
		q := p.Question(engine.AskGate)
		p.Refused(engine.Vote{By: "machine:ci", Question: q.ID, Digest: q.Digest, Approve: true}, "own request").WaitsOn("approval")
		p.Approve("alice").Ended(engine.Succeeded)
	}},
	{"a stranger is refused, and it is recorded", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		q := p.Question(engine.AskGate)
		p.Refused(engine.Vote{By: "os:mallory", Question: q.ID, Digest: q.Digest, Approve: true}, "is not in")
		p.Refused(engine.Vote{By: "os:mallory", Question: q.ID}, "is not in")
		p.Refused(engine.Cancel{By: "os:mallory"}, "no role")
		p.Refused(engine.Skip{By: "os:mallory", Path: "a"}, "is not in")
		p.Refused(engine.UndoRun{By: "os:mallory"}, "is not in")
		p.WaitsOn("approval").Called()
	}},
	{"breaking the glass is recorded and pages", func(t *testing.T) {
		p := play(t, book(set("a", "approve: {of: [{role: ops, for: 5m}]}", unverified))).Start()
		q := p.Question(engine.AskGate)
		p.Refused(engine.Vote{By: "carol", Question: q.ID, Digest: q.Digest, Approve: true}, "--break-glass")
		p.Refused(engine.Vote{By: "bob2", Question: q.ID, Digest: q.Digest, Approve: true, BreakGlass: "x"}, "no role of theirs")
		p.Say(engine.Vote{By: "carol", Question: q.ID, Digest: q.Digest, Approve: true, BreakGlass: "all are asleep"})
		if n := p.Run.Notices[0]; !n.Page || n.To != "ops" {
			t.Errorf("notice %+v", n)
		}
		if p.Run.Gates["a"].BreakGlass != "all are asleep" {
			t.Error("the reason is not recorded")
		}
		p.Ended(engine.Succeeded)
	}},
	{"a yes for another digest is refused", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		q := p.Question(engine.AskGate)
		p.Refused(engine.Vote{By: "alice", Question: q.ID, Digest: "sha256:other", Approve: true}, "not what would be done now").Called()
	}},
	{"a second answer is refused", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified), "\n  - wait: 1m")).Start()
		q := p.Question(engine.AskGate)
		p.Approve("alice").Refused(engine.Vote{By: "bob", Question: q.ID, Digest: q.Digest, Approve: true}, "closed")
		p.Refused(engine.Vote{By: "bob", Question: q.ID}, "closed").Sleep(time.Minute).Called("a#1/act").Ended(engine.Succeeded)
	}},
	{"a gate whose plan cannot be made fails", func(t *testing.T) {
		play(t, book(set("a", gated, unverified))).On("a#0/plan.1", enginetest.None("unavailable")).Start().
			Never("question_opened").Ended(engine.FailedClean)
	}},
	{"a gate before a read is asked, too", func(t *testing.T) {
		play(t, book(group("g", read("a"), gated))).Start().WaitsOn("approval").Status("g/a", engine.StatusPending).
			Approve("alice").Ended(engine.NoAction)
	}},
	{"a group that would do nothing is not asked about", func(t *testing.T) {
		play(t, book(group("g", set("a", "if: inputs.go"), gated, unverified))+"\ninputs: {go: {type: boolean, default: false}}").
			Start().Never("question_opened").Ended(engine.NoAction)
	}},
	{"what has ended takes no more", func(t *testing.T) {
		p := play(t, book(read("a"))).Start().Ended(engine.NoAction)
		p.Refused(engine.Cancel{By: "dora"}, "has ended").Refused(engine.UndoRun{By: "alice"}, "has ended")
		n := len(p.Journal)
		for _, in := range []engine.Input{
			engine.TimerFired{ID: "r1/x"}, engine.Returned{ID: "r1/a#1/act"}, engine.AlertResolved{},
			engine.LocksGranted{ID: "r1/lock.1"}, engine.Recovered{Generation: 9}, engine.Notified{ID: "r1/notify.7"},
		} {
			p.Give(in)
		}
		if got := p.Kinds(n); got != "" {
			t.Error(got)
		}
	}},
}

var driftStories = []story{
	{"drift before the yes is used asks again with the difference", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		p.World.Set("a", 3)
		p.Approve("alice").Saw("question_decided step_planned gate_voided question_opened").Called()
		if q := p.Question(engine.AskGate); len(q.Changed) != 1 || q.ID != "r1/a#0/ask.2" {
			t.Errorf("asked again: %+v", q)
		}
		p.Approve("alice").Holds("a", 7).Ended(engine.Succeeded)
	}},
	{"drift that the action itself finds asks again", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).On("a#1/act", enginetest.None("drift")).Start().Approve("alice")
		p.Saw("intended acted gate_voided question_opened").Approve("alice").Called("a#1/act", "a#2/act").Ended(engine.Succeeded)
	}},
	{"a third drift asks whether to go on asking", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		for i := range 3 {
			p.World.Set("a", i+1)
			p.Approve("alice")
		}
		p.WaitsOn("person").Answer(engine.AskAgain, engine.ChoiceAgain, "alice").WaitsOn("approval").
			Approve("alice").Ended(engine.Succeeded)
	}},
	{"a third drift may abort", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		for i := range 3 {
			p.World.Set("a", i+1)
			p.Approve("alice")
		}
		p.Answer(engine.AskAgain, engine.ChoiceAbort, "alice").Called().Ended(engine.Refused)
	}},
	{"a group's members are planned again at their turn", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+"\n  - wait: 1m"+set("b")+set("c"), gated, unverified))).Start()
		if q := p.Question(engine.AskGate); len(q.Members) != 3 {
			t.Errorf("the card shows %+v", q.Members)
		}
		p.Approve("alice").Called("g/a#1/act")
		p.World.Set("b", 2)
		p.Sleep(time.Minute).Called("g/a#1/act").WaitsOn("approval")
		if q := p.Question(engine.AskGate); len(q.Members) != 2 || q.Members[0].Path != "g/b" {
			t.Errorf("asked again: %+v", q.Members)
		}
		p.Approve("alice").Called("g/a#1/act", "g/b#1/act", "g/c#1/act").Ended(engine.Succeeded)
	}},
	{"our own receipt explains a change", func(t *testing.T) {
		one := step("id: one", "uses: world.set", "with: {key: x, value: 1}", undoSet)
		two := step("id: two", "uses: world.set", "with: {key: x, value: 2}", undoSet)
		play(t, book(group("g", one+two, gated, unverified))).Start().Approve("alice").
			Never("gate_voided").Holds("x", 2).Ended(engine.Succeeded)
	}},
	{"what this run left elsewhere explains no change", func(t *testing.T) {
		one := step("id: one", "uses: tool.set", "with: {key: x, value: 1}", "undo: {uses: tool.set}", "resource: kv:a")
		two := step("id: two", "uses: tool.set", "with: {key: x, value: 2}", "undo: {uses: tool.set}", "resource: kv:b")
		play(t, book(group("g", one+two, gated, unverified))).Start().Approve("alice").
			Saw("intended gate_voided").Approve("alice").Holds("x", 2).Ended(engine.Succeeded)
	}},
	{"drift voids nothing that is in flight", func(t *testing.T) {
		p := play(t, book(side("g", bump("a")+bump("b"), gated, unverified))).
			On("g/a#1/act", enginetest.Silent(true)).Start()
		p.World.Set("b", 5)
		p.Approve("alice").Saw("gate_voided").Never("question_voided")
		if len(p.Run.OpenQuestions()) != 0 {
			t.Fatal("asked again beside a mutation in flight")
		}
		p.Give(engine.Returned{ID: "r1/g/a#1/act", Outcome: engine.Outcome{
			Effect: engine.EffectApplied, Receipt: []byte(`{"key":"a"}`), Left: "a=1"}}).Settle()
		p.WaitsOn("approval").Approve("alice").Holds("b", 6).Ended(engine.Succeeded)
	}},
	{"what could not be shown is asked at its turn", func(t *testing.T) {
		other := group("other", read("r")+"\n  - set: {y: 9}")
		gate := group("g", set("a")+set("b", "if: vars.x > 3"), gated, unverified)
		p := play(t, book("\n  - set: {x: 0}", side("both", other+gate))).On("both/other/r#1/act", enginetest.Silent(false))
		p.Book.Step("both/other/2").Set[0].Name = "x" // which check refuses as a race
		if q := p.Start().Question(engine.AskGate); len(q.Members) != 1 {
			t.Errorf("the card shows %+v", q.Members)
		}
		p.On("both/g/a#1/act", enginetest.Silent(true)).Approve("alice")
		p.Give(engine.Returned{ID: "r1/both/other/r#1/act", Outcome: engine.Outcome{Outputs: []byte(`{"value":1}`)}}).Settle()
		p.Give(engine.Returned{ID: "r1/both/g/a#1/act", Outcome: engine.Outcome{
			Effect: engine.EffectApplied, Receipt: []byte(`{"key":"a","value":0}`), Left: "a=7"}}).Settle()
		p.WaitsOn("approval").Approve("alice").Called("both/g/a#1/act", "both/g/b#1/act").Ended(engine.Succeeded)
		if p.Run.Gates["both/g"].Voids != 0 {
			t.Error("it counts as drift")
		}
	}},
	{"what a condition behind the gate may yet need is shown with the condition", func(t *testing.T) {
		members := set("a") + step("id: now", "uses: world.read", "with: {key: a}") + set("b", "if: steps.now.outputs.value == 7") +
			group("more", set("c", "if: steps.now.outputs.value > 0"), "if: steps.now.outputs.value < 7")
		p := play(t, book(group("g", members, gated, unverified))).Start()
		q := p.Question(engine.AskGate)
		var seen []string
		for _, m := range q.Members {
			seen = append(seen, m.Path+": "+strings.Join(m.OnlyIf, " and "))
		}
		if want := []string{
			"g/a: ", "g/b: steps.now.outputs.value == 7", "g/more/c: steps.now.outputs.value < 7 and steps.now.outputs.value > 0",
		}; !slices.Equal(seen, want) {
			t.Errorf("the card shows %q, want %q", seen, want)
		}
		p.Approve("alice").Never("gate_voided").Called("g/a#1/act", "g/b#1/act").Status("g/more", engine.StatusSkipped).Ended(engine.Succeeded)
	}},
	{"what a condition already rules out is not shown", func(t *testing.T) {
		p := play(t, book(read("r"), group("g", set("a")+group("no", set("b"), "if: steps.r.outputs.value == 9"), gated, unverified))).Start()
		if q := p.Question(engine.AskGate); len(q.Members) != 1 || q.Members[0].Path != "g/a" {
			t.Errorf("the card shows %+v", q.Members)
		}
		p.Approve("alice").Called("g/a#1/act").Ended(engine.Succeeded)
	}},
	{"what is set behind a gate is foreseen, in what is shown and in its undo", func(t *testing.T) {
		to := step("set: {to: '${{ vars.from + 1 }}', other: 1}")
		a := step("id: a", "uses: world.set", "with: {key: a, value: '${{ vars.to }}'}", "undo: {uses: world.set, with: {key: a, value: '${{ vars.to }}'}}")
		p := play(t, book(step("set: {from: 4}"), group("g", step("set: {from: 5}")+to+read("r")+a+step("if: run.id != \"\"", "fail: enough"), gated, unverified))).Start()
		if q := p.Question(engine.AskGate); string(q.Members[0].Binding) != `{"key":"a","value":6}` || q.Members[0].Undo != `world.set with {"key":"a","value":6}` {
			t.Errorf("the card shows %s, %s", q.Members[0].Binding, q.Members[0].Undo)
		}
		p.Approve("alice").Never("gate_voided").Called("g/a#1/act", "g/a#1/undo").Ended(engine.FailedClean)
	}},
	{"each item of a foreach in a foreach is shown with what its own items have set", func(t *testing.T) {
		inner := each("in", "[1, 2]", step("id: a", "uses: world.set", "with: {key: '${{ vars.out }}', value: '${{ item }}'}", undoSet))
		p := play(t, book(each("out", `["a", "b"]`, step("set: {out: '${{ item }}'}")+inner, gated, unverified))).Start()
		var shown []string
		for _, m := range p.Question(engine.AskGate).Members {
			shown = append(shown, string(m.Binding))
		}
		if want := []string{`{"key":"a","value":1}`, `{"key":"a","value":2}`, `{"key":"b","value":1}`, `{"key":"b","value":2}`}; !slices.Equal(shown, want) {
			t.Errorf("the card shows %s", shown)
		}
		p.Approve("alice").Never("gate_voided").Holds("a", 2).Holds("b", 2).Ended(engine.Succeeded)
	}},
	{"people are shown with what a change would be undone", func(t *testing.T) {
		undo := "undo: {uses: world.set, with: {key: a, value: 3}}"
		p := play(t, book(group("g", step("id: a", "uses: world.set", "with: {key: a, value: 7}", undo)+step("if: run.id != \"\"", "fail: enough"), gated, unverified))).Start()
		if q := p.Question(engine.AskGate); q.Members[0].Undo != `world.set with {"key":"a","value":3}` {
			t.Errorf("the card shows %q", q.Members[0].Undo)
		}
		p.Approve("alice").Holds("a", 3).Ended(engine.FailedClean)
	}},
	{"a condition on the outcome of a step behind the gate is shown with what it needs", func(t *testing.T) {
		p := play(t, book(group("g", read("a", "optional: true")+set("b", "if: steps.a.status == \"failed\""), gated, unverified))).
			On("g/a#1/act", enginetest.None("unavailable")).Start()
		if q := p.Question(engine.AskGate); len(q.Members) != 1 || len(q.Members[0].OnlyIf) != 1 {
			t.Errorf("the card shows %+v", q.Members)
		}
		p.Approve("alice").Never("gate_voided").Called("g/b#1/act").Ended(engine.Succeeded)
	}},
}

var guardStories = []story{
	{"a guard that holds lets the action begin", func(t *testing.T) {
		play(t, book(set("a", gated, unverified, guarded))).Start().Never("guard_began").Approve("alice").
			Saw("question_decided plan_began guard_began guard_passed intended").Ended(engine.Succeeded)
	}},
	{"a guard that does not hold fails the step", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified, guarded, "retry: {attempts: 3}")))
		p.World.Set("g", 1)
		p.Start().Approve("alice").Called().Never("retry_scheduled").Ended(engine.FailedClean)
		if got := p.Run.Step("a").Failure.Class; got != "guard" {
			t.Errorf("class %s", got)
		}
	}},
	{"a guard that cannot be read fails the step", func(t *testing.T) {
		play(t, book(set("a", gated, unverified, guarded))).On("a#1/guard.2", enginetest.None("unavailable")).Start().
			Approve("alice").Called().Ended(engine.FailedClean)
	}},
	{"a retry reads its guard again", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified, guarded, "retry: {attempts: 2, backoff: 1s}"))).On("a#1/act", enginetest.None("timeout")).
			Start().Approve("alice")
		p.World.Set("g", 1)
		p.Sleep(time.Second).Called("a#1/act").Ended(engine.FailedClean)
	}},
	{"a guard that errors fails the step", func(t *testing.T) {
		play(t, book(read("r"), set("a", gated, unverified,
			"guard: {uses: world.read, with: {key: g}, that: result.value == 1 / steps.r.outputs.value}"))).Start().Approve("alice").Called().Ended(engine.FailedClean)
	}},
	{"a group's guard is read after the vote", func(t *testing.T) {
		play(t, book(group("g", set("a")+set("b"), gated, unverified, guarded))).Start().Never("guard_began").Approve("alice").
			Saw("question_decided guard_began guard_passed group_entered intended").Ended(engine.Succeeded)
	}},
	{"a group's guard that does not hold fails the group", func(t *testing.T) {
		p := play(t, book(group("x", set("a"), gated, unverified, guarded)))
		p.World.Set("g", 1)
		p.Start().Approve("alice").Called().Status("x", engine.StatusFailed).Ended(engine.FailedClean)
	}},
	{"a group's guard is read again after a stop", func(t *testing.T) {
		p := play(t, book(group("x", set("a")+"\n  - wait: 1m"+set("b"), gated, unverified, guarded))).Start().Approve("alice")
		p.Say(engine.Halt{By: "alice"}).Say(engine.Lift{By: "alice"})
		p.World.Set("g", 1)
		p.Sleep(time.Minute).Approve("alice").Called("x/a#1/act", "x/a#1/undo").Ended(engine.FailedClean)
	}},
}
