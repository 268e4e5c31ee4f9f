package engine_test

import (
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

// named is a change of something that another step names.
func named(id, by string, lines ...string) string {
	return step("id: "+id, append([]string{
		"uses: tool.set", "resource: \"kv:${{ steps." + by + ".outputs.value }}\"", "with: {key: " + id + ", value: 7}", "undo: {uses: tool.set}",
	}, lines...)...)
}

// busy are runs whose late locks another run has.
func busy(t *testing.T, src string) *enginetest.Play {
	t.Helper()
	return play(t, src).Start().Do(func(p *enginetest.Play) { p.Locked = true })
}

var lateLockStories = []story{
	{"what is learnt after the first gate is locked before it is asked about and changed", func(t *testing.T) {
		p := play(t, book(tool("one", gated, unverified), read("r"), named("late", "r", gated, unverified))).Start().Approve("alice")
		p.Saw("locks_requested locks_held intended lock_tried lock_added question_opened").Approve("alice").Ended(engine.Succeeded)
	}},
	{"what could not be locked is not changed", func(t *testing.T) {
		p := busy(t, book(tool("one", gated, unverified), read("r"), named("late", "r", gated, unverified))).Approve("alice")
		p.Called("one#1/act").Status("late", engine.StatusFailed).Ended(engine.FailedClean)
		if f := p.Run.Step("late").Failure; f.Class != "conflict" || f.Reason != "run r9 has kv:0" {
			t.Errorf("it failed of %+v", f)
		}
	}},
	{"a lock that another run has is tried again where the runbook says so", func(t *testing.T) {
		retry := "retry: {attempts: 3, backoff: 1s, on: [conflict]}"
		p := busy(t, book(tool("one", gated, unverified), read("r"), named("late", "r", gated, unverified, retry))).Approve("alice").WaitsOn("timer")
		p.Do(func(p *enginetest.Play) { p.Locked = false }).Sleep(time.Second).Approve("alice").Ended(engine.Succeeded)
		p = busy(t, book(tool("one", gated, unverified), read("r"), named("late", "r", gated, unverified, retry))).Approve("alice").Sleep(time.Minute)
		p.Never("lock_added").Saw("retry_scheduled retry_scheduled step_failed").Called("one#1/act").Ended(engine.FailedClean)
	}},
	{"a late lock inside a group is tried before its plan, and fails the group", func(t *testing.T) {
		src := book(tool("one", gated, unverified), read("r"), group("g", tool("two")+named("late", "r"), gated, unverified))
		play(t, src).Start().Approve("alice").Approve("alice").Saw("lock_tried lock_added plan_began intended").Ended(engine.Succeeded)
		busy(t, src).Approve("alice").Approve("alice").Called("one#1/act", "g/two#1/act", "g/two#1/undo").Ended(engine.FailedClean)
	}},
	{"a late lock is held after a crash, and asked for again once it is broken", func(t *testing.T) {
		p := play(t, book(tool("one", gated, unverified), read("r"), named("late", "r", gated, unverified))).Start().Approve("alice").Crash(time.Minute).Settle()
		if !p.Run.Locks.Holds("kv:0") || !p.Run.Locks.Holds("one") {
			t.Errorf("it holds %v", p.Run.Locks.Identities)
		}
		p.Say(engine.BreakLock{By: "bob"}).Answer(engine.AskLock, engine.ChoiceRelock, "alice")
		if !p.Run.Locks.Holds("kv:0") || !p.Run.Locks.Holds("one") {
			t.Errorf("after relock it holds %v", p.Run.Locks.Identities)
		}
		p.Approve("alice").Ended(engine.Succeeded)
	}},
	{"a crash while a lock is tried tries it again", func(t *testing.T) {
		p := play(t, book(tool("one", gated, unverified), read("r"), named("late", "r", gated, unverified))).Start()
		q := p.Question(engine.AskGate)
		p.Give(engine.Vote{By: "alice", Question: q.ID, Digest: q.Digest, Approve: true})
		p.SettleUntil(engine.DoingLock, "late").Crash(time.Minute).Settle().Approve("alice").Ended(engine.Succeeded)
	}},
	{"a lock that is broken while another is tried ends the try", func(t *testing.T) {
		p := play(t, book(tool("one", gated, unverified), read("r"), named("late", "r", gated, unverified))).Start()
		q := p.Question(engine.AskGate)
		p.Give(engine.Vote{By: "alice", Question: q.ID, Digest: q.Digest, Approve: true})
		p.SettleUntil(engine.DoingLock, "late").Say(engine.BreakLock{By: "bob"}).Never("lock_added").
			Answer(engine.AskLock, engine.ChoiceRelock, "alice").Approve("alice").Ended(engine.Succeeded)
	}},
	{"siblings that name one thing try it one after the other", func(t *testing.T) {
		p := play(t, book(tool("one", gated, unverified), read("r"), side("p", named("x", "r")+named("y", "r"), gated, unverified))).Start().Approve("alice")
		p.Approve("alice").Ended(engine.Succeeded)
		tried := 0
		for _, rec := range p.Journal {
			if rec.Event.Kind() == "lock_tried" {
				tried++
			}
		}
		if tried != 1 {
			t.Errorf("it is tried %d times", tried)
		}
	}},
	{"what a plan names is locked, too", func(t *testing.T) {
		src := book(tool("one", gated, unverified))
		other := func(p *enginetest.Play) { p.World.Names("one", "disk:x") }
		p := play(t, src).Do(other).Start().Approve("alice").Saw("step_planned lock_tried lock_added plan_began step_planned intended").Ended(engine.Succeeded)
		if e := p.Run.Ledger[0]; e.Resource != "disk:x" {
			t.Errorf("the ledger says that it changed %s", e.Resource)
		}
		busy(t, src).Do(other).Approve("alice").Called().Ended(engine.FailedClean)
	}},
	{"a resource that cannot be told fails its step", func(t *testing.T) {
		for _, resource := range []string{`"kv:${{ [1][steps.r.outputs.value + 3] }}"`, `"${{ steps.r.outputs.value == 0 ? '' : 'kv' }}"`} {
			late := step("id: late", "uses: tool.set", "resource: "+resource, "with: {key: late, value: 7}", "undo: {uses: tool.set}", gated, unverified)
			p := play(t, book(read("r"), late)).Start().Called().Ended(engine.FailedClean)
			if f := p.Run.Step("late").Failure; f.Class != "expression" {
				t.Errorf("%s failed of %+v", resource, f)
			}
		}
	}},
	{"what is not locked is not asked about early", func(t *testing.T) {
		p := play(t, book(tool("one", gated, unverified), read("r"), "\n  - wait: 1m", named("late", "r", gated, unverified))).Start().Approve("alice")
		p.Saw("question_announced").WaitsOn("timer").Sleep(time.Minute).Saw("lock_tried lock_added question_opened").Approve("alice").Ended(engine.Succeeded)
	}},
	{"what may change the same once it is known is not passed by an early question", func(t *testing.T) {
		guess := step("id: b", "uses: tool.set", `resource: "kv:${{ steps.r?.outputs?.value ?? 5 }}"`, "with: {key: k, value: 1}", "undo: {uses: tool.set}", gated, unverified)
		item := each("e", `"${{ [steps.r.outputs.value] }}"`, step("id: b", "uses: tool.set", `resource: "kv:${{ item ?? 5 }}"`, "with: {key: k, value: 1}", "undo: {uses: tool.set}"), gated, unverified)
		last := step("id: c", "uses: tool.set", `resource: "kv:0"`, "with: {key: k, value: 2}", "undo: {uses: tool.set}", gated, unverified)
		for _, first := range []string{guess, item} {
			p := play(t, book("\n  - wait: 1m", read("r"), first, last)).Start().Never("question_opened locks_requested").Sleep(time.Minute)
			p.Approve("alice").Approve("alice").Holds("k", 2).Ended(engine.Succeeded)
			if q := p.Run.Gates["c"].Shown["c"]; q.Fingerprint != "k=1" {
				t.Errorf("what c overwrites was shown as %s", q.Fingerprint)
			}
		}
	}},
}
