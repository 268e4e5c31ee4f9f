package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

// each does steps for the items of a list.
func each(id, list, members string, lines ...string) string {
	return around("steps", id, members, append(lines, "foreach: "+list))
}

// setItem and readItem act on the item of the foreach around them.
func setItem(lines ...string) string {
	return step("id: a", append([]string{"uses: world.set", `with: {key: "${{ item }}", value: 7}`, undoSet}, lines...)...)
}

func readItem(lines ...string) string {
	return step("id: a", append([]string{"uses: world.read", `with: {key: "${{ item }}"}`}, lines...)...)
}

func bumpItem(lines ...string) string {
	return step("id: a", append([]string{"uses: world.bump", `with: {key: "${{ item }}"}`, undoBump}, lines...)...)
}

// calling is a runbook that calls another one, which stands behind it.
func calling(id, with, other string, lines ...string) string {
	lines = append(lines, "call: other")
	if with != "" {
		lines = append(lines, "with: "+with)
	}
	return book(step("id: "+id, lines...)) + "\n---\nname: other\n" + other
}

const withSize = "inputs: {size: {type: integer, default: 3}}\n"

var foreachStories = []story{
	{"a foreach does its steps for each item in order", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", readItem()))).Start().
			Saw("items_known group_entered step_started group_entered step_started read_began acted step_succeeded group_done step_succeeded step_started group_entered step_started read_began").
			Status("e/1/a", engine.StatusSucceeded).Status("e/2/a", engine.StatusSucceeded).Ended(engine.NoAction)
	}},
	{"as many items go on side by side as may", func(t *testing.T) {
		p := play(t, book(each("e", "[x, y, z]", readItem(), "concurrency: 2"))).
			On("e/1/a#1/act", enginetest.Silent(false)).On("e/2/a#1/act", enginetest.Silent(false)).Start()
		p.Status("e/1/a", engine.StatusRunning).Status("e/2/a", engine.StatusRunning).Status("e/3", engine.StatusPending)
		p.Give(engine.Returned{ID: "r1/e/2/a#1/act", Outcome: engine.Outcome{Outputs: []byte(`{"value":1}`)}}).Settle().
			Status("e/3", engine.StatusSucceeded).Status("e/1", engine.StatusRunning)
	}},
	{"a foreach without items does nothing", func(t *testing.T) {
		play(t, book(read("r"), each("e", `"${{ steps.r.outputs.value > 0 ? [1] : [] }}"`, set("a"), gated, verified),
			step("if: len(steps.e.outputs) > 0", "fail: there are outputs"))).Start().Never("question_opened sampling_began").
			Status("e", engine.StatusSucceeded).Ended(engine.NoAction)
	}},
	{"a foreach whose list cannot be made fails", func(t *testing.T) {
		p := play(t, book(read("r"), each("e", "${{ [1 / steps.r.outputs.value] }}", read("a")))).Start().Status("e", engine.StatusFailed).Ended(engine.FailedClean)
		if f := p.Run.Step("e").Failure; f.Class != "expression" || !strings.Contains(f.Reason, "by zero") {
			t.Error(f)
		}
	}},
	{"a foreach that would make too many steps fails", func(t *testing.T) {
		list := "[" + strings.Repeat("0, ", 999) + "0]"
		p := play(t, book(each("e", list, strings.Repeat(step("notify: ops", "text: hello"), 12)))).Start().Ended(engine.FailedClean)
		if f := p.Run.Step("e").Failure; f == nil || !strings.Contains(f.Reason, "steps; the limit is 10000") {
			t.Error(f)
		}
	}},
	{"a foreach returns what its steps do in the order of the items", func(t *testing.T) {
		p := play(t, book(each("e", "[x, y]", readItem()+step("id: no", "if: item == \"x\"", "uses: world.read", "with: {key: n}"), "concurrency: 2"),
			step("notify: ops", "text: = ${{ map(steps.e.outputs, .a.value) }} ${{ steps.e.outputs[1].no == nil }}")))
		p.World.Set("y", 9)
		p.Start().Ended(engine.NoAction)
		if got := p.Run.Notices[0].Text; got != "= [0,9] true" {
			t.Error(got)
		}
	}},
	{"what an item sets is its own", func(t *testing.T) {
		p := play(t, book("\n  - set: {n: 1}", each("e", "[5, 6]", "\n  - set: {n: \"${{ vars.n + item }}\"}"+step("notify: ops", "text: = ${{ vars.n }}")),
			step("notify: ops", "text: = ${{ vars.n }}"))).Start().Ended(engine.NoAction)
		var got []string
		for _, n := range p.Run.Notices {
			got = append(got, n.Text)
		}
		if s := strings.Join(got, " "); s != "= 6 = 7 = 1" {
			t.Error(s)
		}
	}},
	{"a foreach in a foreach sees both items' names", func(t *testing.T) {
		p := play(t, book(each("e", "[x, y]", "\n  - set: {outer: \"${{ item }}\"}"+
			each("f", `["1", "2"]`, step("notify: ops", "text: = ${{ vars.outer }}${{ item }}"))))).Start().Ended(engine.NoAction)
		var got []string
		for _, n := range p.Run.Notices {
			got = append(got, n.Text)
		}
		if s := strings.Join(got, " "); s != "= x1 = x2 = y1 = y2" {
			t.Error(s)
		}
	}},
	{"items may fail that leave nothing changed", func(t *testing.T) {
		p := play(t, book(each("e", "[x, y, z]", bumpItem(), "max_failures: 1", gated, verified))).
			On("e/2/a#1/act", enginetest.None("invalid")).Start().Approve("alice").Sleep(3*time.Second).
			Status("e/2", engine.StatusFailed).Status("e", engine.StatusSucceeded).Holds("x", 1).Holds("y", 0).Holds("z", 1).Ended(engine.Succeeded)
		if f := p.Run.Step("e/2").Failure; f.Class != "invalid" || !strings.HasPrefix(f.Reason, "e/2/a: ") {
			t.Error(f)
		}
	}},
	{"what still goes on in an item that failed is cut", func(t *testing.T) {
		play(t, book(each("e", "[x]", side("p", readItem()+read("b")), "max_failures: 1"))).
			On("e/1/p/b#1/act", enginetest.Silent(false)).On("e/1/p/a#1/act", enginetest.None("invalid")).Start().
			Status("e/1/p/b", engine.StatusCancelled).Status("e/1", engine.StatusFailed).Ended(engine.NoAction)
	}},
	{"an item that leaves something changed is trouble", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", bumpItem()+read("b"), "max_failures: 1", gated, verified))).
			On("e/2/b#1/act", enginetest.None("invalid")).Start().Approve("alice").
			Called("e/1/a#1/act", "e/2/a#1/act", "e/2/a#1/undo", "e/1/a#1/undo").Ended(engine.FailedClean)
	}},
	{"an item beside one in flight is not forgiven what it has in flight", func(t *testing.T) {
		play(t, book(each("e", "[a]", side("p", bumpItem()+read("b")), "max_failures: 1", gated, verified))).
			On("e/1/p/a#1/act", enginetest.Silent(true)).On("e/1/p/b#1/act", enginetest.None("invalid")).Start().Approve("alice").
			Give(returned("e/1/p/a#1/act", "a=1")).Settle().Called("e/1/p/a#1/act", "e/1/p/a#1/undo").Ended(engine.FailedClean)
	}},
	{"no more items may fail than the runbook says", func(t *testing.T) {
		play(t, book(each("e", "[x, y, z]", readItem(), "max_failures: 1"))).
			On("e/1/a#1/act", enginetest.None("invalid")).On("e/2/a#1/act", enginetest.None("invalid")).Start().
			Status("e", engine.StatusFailed).Status("e/3", engine.StatusPending).Ended(engine.FailedClean)
	}},
	{"a gate around a foreach shows every item", func(t *testing.T) {
		p := play(t, book(group("g", each("e", "[x, y]", setItem()), gated, verified))).Start()
		if q := p.Question(engine.AskGate); len(q.Members) != 2 || q.Members[1].Path != "g/e/2/a" {
			t.Error(q.Members)
		}
		p.Approve("alice").Sleep(3*time.Second).Never("gate_voided").Holds("x", 7).Holds("y", 7).Ended(engine.Succeeded)
	}},
	{"a gate in a foreach is asked early", func(t *testing.T) {
		play(t, book("\n  - wait: 1m", each("e", "[x]", setItem(gated, unverified)))).Start().
			WaitsOn("approval", "timer").Saw("items_known locks_requested locks_held gate_plan_began").Approve("alice").Sleep(time.Minute).Never("gate_voided").Holds("x", 7).Ended(engine.Succeeded)
	}},
	{"a gate in a foreach whose list may change is asked at its turn", func(t *testing.T) {
		p := play(t, book(read("r"), "\n  - wait: 1m", "\n  - set: {list: \"${{ [steps.r.outputs.value] }}\"}", each("e", "${{ vars.list }}", set("a", gated, unverified)))).Start()
		p.Never("items_known question_opened").Sleep(time.Minute).Approve("alice").Ended(engine.Succeeded)
	}},
	{"items of different targets are asked about side by side", func(t *testing.T) {
		p := play(t, book(each("e", "[\"kv:x\", \"kv:y\"]", step("id: a", "uses: tool.set", "with: {key: k, value: 1}", `undo: {uses: tool.set}`, `resource: ${{ item }}`, gated, unverified), "concurrency: 2"))).Start()
		if got := strings.Join(p.Run.Locks.Identities, " "); got != "kv:x kv:y" || len(p.Run.OpenQuestions()) != 2 {
			t.Error(got, p.Run.OpenQuestions())
		}
	}},
	{"a cancel in a foreach", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", readItem()))).On("e/1/a#1/act", enginetest.Silent(false)).Start().Say(engine.Cancel{By: "dora"}).
			Status("e/1/a", engine.StatusCancelled).Status("e/2", engine.StatusPending).Ended(engine.CancelledClean)
	}},
	{"a step of an item takes too long", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", readItem("timeout: 5s"), "max_failures: 1"))).On("e/1/a#1/act", enginetest.Silent(false)).Start().
			Sleep(21*time.Second).Status("e/1", engine.StatusFailed).Status("e/2", engine.StatusSucceeded).Ended(engine.NoAction)
	}},
	{"a foreach takes too long", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", readItem()+"\n  - wait: 1h", "timeout: 1m", "max_failures: 1"))).Start().Sleep(2*time.Minute).
			Status("e", engine.StatusFailed).Ended(engine.FailedClean)
	}},
	{"a group in an item takes too long", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", group("g", readItem(), "timeout: 5s"), "max_failures: 1"))).On("e/1/g/a#1/act", enginetest.Silent(false)).Start().
			Sleep(6*time.Second).Status("e/1", engine.StatusFailed).Status("e/1/g", engine.StatusCancelled).Status("e/2", engine.StatusSucceeded).Ended(engine.NoAction)
		play(t, book(each("e", "[a]", group("g", bumpItem(), "timeout: 5s"), "max_failures: 1", gated, verified))).On("e/1/g/a#1/act", enginetest.Silent(true)).Start().
			Approve("alice").Sleep(6*time.Second).Give(returned("e/1/g/a#1/act", "a=1")).Settle().Called("e/1/g/a#1/act", "e/1/g/a#1/undo").Ended(engine.FailedClean)
	}},
	{"a partial change of an item is undone, and those before it", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", setItem(), "max_failures: 2", gated, verified))).On("e/2/a#1/act", enginetest.Partial()).Start().Approve("alice").
			Called("e/1/a#1/act", "e/2/a#1/act", "e/2/a#1/undo", "e/1/a#1/undo").Ended(engine.FailedClean)
	}},
	{"a doubt about an item keeps the next ones from changing anything", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", bumpItem(), "concurrency: 2", gated, verified))).On("e/1/a#1/act", enginetest.Lost(true)).
			On("e/2/a#1/plan.1", enginetest.Silent(false)).Start().Approve("alice").WaitsOn("in_doubt").
			Answer(engine.AskDoubt, engine.ChoiceHappened, "alice").Called("e/1/a#1/act")
	}},
	{"a doubt about an item is not forgiven", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", bumpItem(), "max_failures: 2", gated, verified))).On("e/1/a#1/act", enginetest.Lost(true)).Start().Approve("alice").
			Answer(engine.AskDoubt, engine.ChoicePartial, "alice").
			Answer(engine.AskDrift, engine.ChoiceForce, "alice").Called("e/1/a#1/act", "e/1/a#1/undo").Ended(engine.FailedClean)
	}},
	{"a late result of an item resolves its doubt", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", bumpItem(), gated, verified))).On("e/1/a#1/act", enginetest.Lost(true)).Start().Approve("alice").
			Give(returned("e/1/a#1/act", "x=1")).Settle().Sleep(3*time.Second).Called("e/1/a#1/act", "e/2/a#1/act").Ended(engine.Succeeded)
	}},
	{"a foreach whose verify fails is undone in reverse", func(t *testing.T) {
		p := play(t, book(each("e", "[x, y]", setItem(), gated, verify("undo"))))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).
			Called("e/1/a#1/act", "e/2/a#1/act", "e/2/a#1/undo", "e/1/a#1/undo").Ended(engine.FailedClean)
	}},
	{"an item whose verify fails is trouble of all", func(t *testing.T) {
		p := play(t, book(each("e", "[x, y]", setItem(verify("undo")), "max_failures: 2", gated)))
		p.World.SetSick(true)
		p.Start().Approve("alice").Sleep(11*time.Second).Called("e/1/a#1/act", "e/1/a#1/undo").Ended(engine.FailedClean)
	}},
	{"a verify of an item without a verdict asks", func(t *testing.T) {
		p := play(t, book(each("e", "[x, y]", setItem(verified), gated)))
		for i := range 30 {
			p.On(fmt.Sprintf("e/1/a#1/verify.%d", i), enginetest.None("unavailable"))
		}
		p.Start().Approve("alice").Sleep(21*time.Second).Answer(engine.AskVerdict, engine.ChoiceAccept, "alice").Sleep(3*time.Second).
			Called("e/1/a#1/act", "e/2/a#1/act").Ended(engine.Succeeded)
	}},
	{"a guard of an item that does not hold is forgiven", func(t *testing.T) {
		p := play(t, book(each("e", "[x, y]", setItem(`guard: {uses: world.read, with: {key: "${{ item }}"}, that: result.value == 0}`), "max_failures: 1", gated, verified)))
		p.World.Set("x", 1)
		p.Start().Approve("alice").Sleep(3*time.Second).Status("e/1", engine.StatusFailed).Called("e/2/a#1/act").Ended(engine.Succeeded)
	}},
	{"a no to an item is a no to the run", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", setItem(gated, unverified), "max_failures: 2"))).Start().Deny("alice", false).Called().Ended(engine.Refused)
	}},
	{"silence about an item skips it where the runbook says so", func(t *testing.T) {
		p := play(t, book(each("e", "[x, y]", setItem("approve: {of: [{role: ops, for: 1m}], on_expiry: skip}", unverified)))).Start().Sleep(61 * time.Second)
		p.Status("e/1/a", engine.StatusSkipped).Approve("alice").Called("e/2/a#1/act").Ended(engine.Succeeded)
	}},
	{"drift of an item voids the yes for the rest", func(t *testing.T) {
		p := play(t, book(each("e", "[x, y]", setItem(), gated, verified))).Start()
		p.World.Set("y", 3)
		p.Approve("alice").Saw("intended gate_voided").Approve("alice").Sleep(3*time.Second).Called("e/1/a#1/act", "e/2/a#1/act").Ended(engine.Succeeded)
	}},
	{"a halt in a foreach voids the yes for the rest", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", setItem(), gated, verified))).On("e/1/a#1/act", enginetest.Silent(true)).Start().Approve("alice").
			Say(engine.Halt{By: "alice"}).Give(returned("e/1/a#1/act", "x=7")).Settle().Called("e/1/a#1/act").
			Say(engine.Lift{By: "alice"}).Approve("alice").Sleep(3*time.Second).Called("e/1/a#1/act", "e/2/a#1/act").Ended(engine.Succeeded)
	}},
	{"a hold in a foreach stops it as a halt does", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", setItem(), gated, verified))).On("e/1/a#1/act", enginetest.Silent(true)).Start().Approve("alice").
			Say(engine.Hold{By: "alice"}).Give(returned("e/1/a#1/act", "x=7")).Settle().Called("e/1/a#1/act").WaitsOn("held")
	}},
	{"a broken lock stops a foreach", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", setItem(), gated, verified))).On("e/1/a#1/act", enginetest.Silent(true)).Start().Approve("alice").
			Say(engine.BreakLock{By: "alice"}).Give(returned("e/1/a#1/act", "x=7")).Settle().
			Answer(engine.AskLock, engine.ChoiceEnd, "alice").Called("e/1/a#1/act").Ended(engine.CancelledDirty)
	}},
	{"a changed plugin voids the yes for the rest of a foreach", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", setItem()+"\n  - wait: 1m", gated, verified))).Start().Approve("alice").
			Crash(time.Second, func(r *engine.Recovered) {
				r.Pins = &engine.Pins{Plugins: map[string]string{"world": "world@2"}}
			}).Settle().Saw("run_recovered gate_voided").Sleep(time.Minute).Approve("alice").Sleep(2*time.Minute).
			Called("e/1/a#1/act", "e/2/a#1/act").Ended(engine.Succeeded)
	}},
	{"a crash in a foreach keeps its items", func(t *testing.T) {
		play(t, book(read("r"), each("e", "${{ [steps.r.outputs.value] }}", "\n  - wait: 1m"+step("notify: ops", "text: = ${{ item }}")))).Start().
			Crash(time.Hour).Settle().Sleep(2*time.Minute).Status("e/1", engine.StatusSucceeded).Ended(engine.NoAction)
	}},
	{"a crash while an item is changed makes it unknown", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", bumpItem(), gated, verified))).On("e/1/a#1/act", enginetest.Silent(true)).Start().Approve("alice").
			Crash(time.Second).Settle().WaitsOn("in_doubt").Answer(engine.AskDoubt, engine.ChoiceHappened, "alice").Sleep(3*time.Second).
			Called("e/1/a#1/act", "e/2/a#1/act").Ended(engine.Succeeded)
	}},
	{"a resolved alert ends a foreach that has changed nothing", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", readItem()+setItem2))).Start().Give(engine.AlertResolved{}).Settle().Called().Ended(engine.Refused)
	}},
	{"an item is skipped before it has begun, and no more after", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", setItem(), gated, verified))).On("e/1/a#1/act", enginetest.Silent(true)).Start().Approve("alice").
			Refused(engine.Skip{By: "alice", Path: "e/1"}, "").Say(engine.Skip{By: "alice", Path: "e/2"}).
			Give(returned("e/1/a#1/act", "x=7")).Settle().Sleep(3*time.Second).Called("e/1/a#1/act").Status("e/2", engine.StatusSkipped).Ended(engine.Succeeded)
	}},
	{"a person takes a foreach over", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", setItem(), gated, verified))).On("e/1/a#1/act", enginetest.Silent(true)).Start().Approve("alice").
			Say(engine.TakeOver{By: "alice"}).Give(returned("e/1/a#1/act", "x=7")).Settle().Called("e/1/a#1/act").
			Say(engine.HandBack{By: "alice", To: engine.HandVerify}).Sleep(3 * time.Second).Called("e/1/a#1/act").Ended(engine.Succeeded)
	}},
	{"a person undoes a run in a foreach", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", setItem()+"\n  - wait: 1m", gated, verified))).Start().Approve("alice").Say(engine.UndoRun{By: "alice"}).
			Called("e/1/a#1/act", "e/1/a#1/undo").Ended(engine.Undone)
	}},
	{"an item beside one that fails is cut", func(t *testing.T) {
		play(t, book(each("e", "[x, y]", readItem(), "concurrency: 2"))).On("e/1/a#1/act", enginetest.Silent(false)).
			On("e/2/a#1/act", enginetest.None("invalid")).Start().Status("e/1/a", engine.StatusCancelled).Ended(engine.FailedClean)
	}},
	{"a foreach in finally goes on after an item that failed", func(t *testing.T) {
		play(t, book(read("r"))+"\nfinally:"+each("e", "[x, y]", readItem(), "max_failures: 1")).On("finally/e/1/a#1/act", enginetest.None("invalid")).Start().
			Status("finally/e/2", engine.StatusSucceeded).Status("finally/e", engine.StatusSucceeded).Ended(engine.NoAction)
	}},
	{"the items of a run that has ended are undone by a new one", func(t *testing.T) {
		done := play(t, book(read("r"), each("e", "${{ [steps.r.outputs.value, 5] }}",
			step("id: a", "uses: world.set", `with: {key: "${{ string(item) }}", value: 7}`, "undo: {uses: world.set, with: {key: \"${{ string(item) }}\", value: 1}}"), gated, verified)))
		done.Start().Approve("alice").Sleep(3 * time.Second).Ended(engine.Succeeded)
		p := enginetest.NewPlay(t, done.Src)
		p.World = done.World
		f := engine.UndoOf(&done.Run, nil)
		f.ID = "r2"
		if p.Give(engine.Start{Facts: f}); p.Err != nil {
			t.Fatal(p.Err)
		}
		p.Settle().Approve("alice").Holds("0", 1).Holds("5", 1).Ended(engine.Undone)
	}},
	{"what the verify of an undo reads is known to the undo of a run that has ended", func(t *testing.T) {
		done := play(t, book(read("r"), step("id: a", "uses: world.set", "with: {key: a, value: 7}",
			"undo: {uses: world.set, verify: {uses: world.read, with: {key: a}, until: result.value == steps.r.outputs.value, for: 2s, within: 20s}}", gated, verified)))
		done.Start().Approve("alice").Sleep(3 * time.Second).Ended(engine.Succeeded)
		undoOf(t, done).Approve("alice").Sleep(3*time.Second).Holds("a", 0).Ended(engine.Undone)
	}},
	{"an undo of a run that has ended reads how a step without outputs ended", func(t *testing.T) {
		done := play(t, book(step("id: r", "if: run.id == \"other\"", "uses: world.read", "with: {key: r}"), step("id: a", "uses: world.set", "with: {key: a, value: 7}",
			"undo: {uses: world.set, with: {key: a, value: \"${{ steps.r.status == 'skipped' ? 1 : 2 }}\"}}", gated, verified)))
		done.Start().Approve("alice").Sleep(3 * time.Second).Ended(engine.Succeeded)
		undoOf(t, done).Approve("alice").Holds("a", 1).Ended(engine.Undone)
	}},
	{"a run is tried again from behind a foreach", func(t *testing.T) {
		done := play(t, book(each("e", "[x, y]", readItem()), read("b"), step("notify: ops", "text: = ${{ steps.e.outputs[1].a.value }}")))
		done.World.Set("y", 4)
		done.On("b#1/act", enginetest.None("invalid")).Start().Ended(engine.FailedClean)
		f, err := engine.Retry(&done.Run, "", enginetest.Facts(done.Book))
		if err != nil {
			t.Fatal(err)
		}
		p := enginetest.NewPlay(t, done.Src)
		p.Give(engine.Start{Facts: f}).Settle().Ended(engine.NoAction)
		if got := p.Run.Notices[0].Text; got != "= 4" {
			t.Error(got)
		}
	}},
}

const setItem2 = "\n  - id: b\n    uses: world.set\n    with: {key: b, value: 7}\n    undo: {uses: world.set}\n    " + gated + "\n    " + unverified

var callStories = []story{
	{"a runbook that is called has names of its own", func(t *testing.T) {
		p := play(t, calling("c", `{size: 5}`, withSize+book(read("a"), "\n  - set: {n: \"${{ inputs.size }}\"}", step("notify: ops", "text: = ${{ vars.n + steps.a.outputs.value }}")))).
			Start().Saw("called group_entered").Status("c/a", engine.StatusSucceeded).Ended(engine.NoAction)
		if got := p.Run.Notices[0].Text; got != "= 5" || len(p.Run.Vars) != 1 || p.Run.Vars["n"] != nil {
			t.Error(got, p.Run.Vars)
		}
	}},
	{"a runbook that is called without inputs has their defaults", func(t *testing.T) {
		p := play(t, calling("c", "", withSize+book(step("notify: ops", "text: = ${{ inputs.size }}")))).Start().Ended(engine.NoAction)
		if got := p.Run.Notices[0].Text; got != "= 3" {
			t.Error(got)
		}
	}},
	{"a runbook that is called returns its outputs", func(t *testing.T) {
		p := play(t, strings.Replace(calling("c", "", book(read("a"))+"\noutputs: {twice: \"${{ steps.a.outputs.value * 2 }}\"}"),
			"\n---", step("notify: ops", "text: = ${{ steps.c.outputs.twice }}")+"\n---", 1))
		p.World.Set("a", 4)
		p.Start().Ended(engine.NoAction)
		if got := p.Run.Notices[0].Text; got != "= 8" {
			t.Error(got)
		}
	}},
	{"outputs that cannot be made fail the call", func(t *testing.T) {
		play(t, calling("c", "", book(read("a"))+"\noutputs: {n: \"${{ 1 % steps.a.outputs.value }}\"}")).Start().
			Status("c", engine.StatusFailed).Ended(engine.FailedClean)
	}},
	{"inputs that cannot be made fail the call", func(t *testing.T) {
		p := play(t, strings.Replace(calling("c", `{size: "${{ 1 % steps.r.outputs.value }}"}`, withSize+book(step("notify: ops", "text: = ${{ inputs.size }}"))), "steps:", "steps:"+read("r"), 1))
		p.Start().Status("c", engine.StatusFailed).Never("called").Ended(engine.FailedClean)
	}},
	{"a gate covers what a runbook that is called changes", func(t *testing.T) {
		p := play(t, strings.Replace(calling("c", `{size: "${{ steps.r.outputs.value }}"}`, withSize+book(step("id: a", "uses: world.set", `with: {key: a, value: "${{ inputs.size }}"}`, undoSet)), gated, verified), "steps:", "steps:"+read("r"), 1))
		p.World.Set("r", 6)
		p.Start()
		if q := p.Question(engine.AskGate); len(q.Members) != 1 || q.Members[0].Path != "c/a" {
			t.Error(q.Members)
		}
		p.Approve("alice").Sleep(3*time.Second).Never("gate_voided").Holds("a", 6).Ended(engine.Succeeded)
	}},
	{"a gate in a runbook that is called is asked early", func(t *testing.T) {
		p := play(t, strings.Replace(calling("c", `{size: 4}`, withSize+book(step("id: a", "uses: world.set", `with: {key: a, value: "${{ inputs.size }}"}`, undoSet, gated, unverified))), "steps:", "steps:\n  - wait: 1m", 1))
		p.Start().WaitsOn("approval", "timer").Approve("alice").Sleep(time.Minute).Never("gate_voided").Holds("a", 4).Ended(engine.Succeeded)
	}},
	{"a gate in a runbook whose inputs are not known is announced", func(t *testing.T) {
		p := play(t, strings.Replace(calling("c", `{size: "${{ steps.r.outputs.value }}"}`, withSize+book(step("id: a", "uses: world.set", `with: {key: a, value: "${{ inputs.size }}"}`, undoSet, gated, unverified))), "steps:", "steps:"+read("r"), 1))
		p.On("r#1/act", enginetest.Silent(false)).Start().Saw("question_announced").Never("question_opened")
		p.Give(engine.Returned{ID: "r1/r#1/act", Outcome: engine.Outcome{Outputs: []byte(`{"value":2}`)}}).Settle().Approve("alice").Holds("a", 2).Ended(engine.Succeeded)
	}},
	{"a runbook that is called takes no longer than it says", func(t *testing.T) {
		play(t, calling("c", "", "timeout: 1m\n"+book(longWait))).Start().Sleep(61*time.Second).Status("c", engine.StatusFailed).Ended(engine.FailedClean)
	}},
	{"what a runbook that is called does last is done at the end of the run", func(t *testing.T) {
		p := play(t, strings.Replace(calling("c", `{size: 8}`, withSize+book(read("a"))+"\non_failure:"+step("notify: ops", "text: = ${{ inputs.size }} ${{ run.failure.step }}")+"\nfinally:"+read("z")),
			"\n---", read("b")+"\nfinally:"+read("y")+"\n---", 1))
		p.On("b#1/act", enginetest.None("invalid")).Start().Status("finally/call.c/z", engine.StatusSucceeded).Ended(engine.FailedClean)
		if got := p.Run.Notices[0].Text; got != "= 8 b" {
			t.Error(got)
		}
	}},
	{"what a runbook that was not called does last is not done", func(t *testing.T) {
		p := play(t, strings.Replace(calling("c", "", book(read("a"))+"\nfinally:"+read("z"), "if: steps.r.outputs.value > 0"), "steps:", "steps:"+read("r"), 1))
		p.Start().Status("finally/call.c", engine.StatusSkipped).Status("finally/call.c/z", engine.StatusPending).Ended(engine.NoAction)
	}},
	{"a crash in a runbook that is called keeps its inputs", func(t *testing.T) {
		p := play(t, calling("c", `{size: 5}`, withSize+book("\n  - wait: 1m", step("notify: ops", "text: = ${{ inputs.size }}")))).Start().
			Crash(time.Hour).Settle().Sleep(2 * time.Minute).Ended(engine.NoAction)
		if got := p.Run.Notices[0].Text; got != "= 5" {
			t.Error(got)
		}
	}},
	{"a runbook is called for each item", func(t *testing.T) {
		src := book(each("e", "[4, 5]", step("id: c", "call: other", `with: {size: "${{ item }}"}`))) + "\n---\nname: other\n" + withSize + book(step("notify: ops", "text: = ${{ inputs.size }}")) + "\noutputs: {n: \"${{ inputs.size }}\"}"
		p := play(t, strings.Replace(src, "\n---", step("notify: ops", "text: = ${{ map(steps.e.outputs, .c.n) }}")+"\n---", 1)).Start().Ended(engine.NoAction)
		var got []string
		for _, n := range p.Run.Notices {
			got = append(got, n.Text)
		}
		if s := strings.Join(got, " "); s != "= 4 = 5 = [4,5]" {
			t.Error(s)
		}
	}},
	{"a run returns its outputs when all went well", func(t *testing.T) {
		p := play(t, book(read("a"))+"\noutputs: {n: \"${{ steps.a.outputs.value }}\", what: all}").Start().Saw("outputs_made phase_entered").Ended(engine.NoAction)
		if got := string(p.Run.Outputs); got != `{"n":0,"what":"all"}` {
			t.Error(got)
		}
	}},
	{"a run that failed returns nothing", func(t *testing.T) {
		play(t, book(read("a"))+"\noutputs: {n: 1}").On("a#1/act", enginetest.None("invalid")).Start().Never("outputs_made").Ended(engine.FailedClean)
	}},
	{"a run whose outputs cannot be made has failed, and leaves what is verified", func(t *testing.T) {
		play(t, book(read("r"), set("a", gated, verified))+"\noutputs: {n: \"${{ 1 % steps.r.outputs.value }}\"}").Start().
			Approve("alice").Sleep(3*time.Second).Called("a#1/act").Holds("a", 7).Ended(engine.FailedClean)
	}},
}
