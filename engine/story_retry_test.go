package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

// retried makes a run one that goes on from a step of another.
func retried(t *testing.T, done *enginetest.Play, from string) func(*engine.Facts) {
	t.Helper()
	return func(f *engine.Facts) {
		f.ID = "r2"
		next, err := engine.Retry(&done.Run, from, *f)
		if err != nil {
			t.Fatal(err)
		}
		*f = next
	}
}

// notRetried fails the test unless a run cannot go on from a step.
func notRetried(t *testing.T, done *enginetest.Play, from, why string) {
	t.Helper()
	if _, err := engine.Retry(&done.Run, from, done.Run.Facts); err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("from %q: %v, wanted %q", from, err, why)
	}
}

var retryStories = []story{
	{"a run is tried again from the step that failed", func(t *testing.T) {
		src := book(read("r"), step("set: {n: 4}"), set("a", gated, verified),
			step("id: b", "uses: world.set", "with: {key: b, value: \"${{ steps.r.outputs.value + vars.n }}\"}", undoSet, gated, unverified))
		done := play(t, src).On("b#1/act", enginetest.None("invalid"))
		done.World.Set("r", 3)
		done.Start().Approve("alice").Sleep(5 * time.Second).Approve("alice").Ended(engine.FailedClean)
		p := play(t, src)
		p.Start(retried(t, done, "")).Status("a", engine.StatusSucceeded).Approve("bob").Called("b#1/act").Holds("b", 7).Ended(engine.Succeeded)
		if f := p.Run.Facts; f.RetryOf != "r1" || f.From != "b" {
			t.Errorf("it is a retry of %q from %q", f.RetryOf, f.From)
		}
	}},
	{"a run is tried again from an earlier step", func(t *testing.T) {
		src := book(read("r"), set("a", gated, unverified), read("z"))
		done := play(t, src).Start().Approve("alice").Ended(engine.Succeeded)
		p := play(t, src)
		p.Start(retried(t, done, "a")).Approve("bob").Called("a#1/act").Ended(engine.Succeeded)
	}},
	{"what was approved once is asked again", func(t *testing.T) {
		src := book(group("g", set("a")+set("b"), gated, unverified))
		done := play(t, src).On("g/b#1/act", enginetest.None("invalid")).Start().Approve("alice").Ended(engine.FailedClean)
		p := play(t, src)
		p.Start(retried(t, done, "g")).Called().WaitsOn("approval").Approve("bob").Called("g/a#1/act", "g/b#1/act").Ended(engine.Succeeded)
	}},
	{"a run is not tried again from behind what no longer holds", func(t *testing.T) {
		notRetried(t, play(t, book("\n  - wait: 1m")).Start(), "", "has not ended")
		done := play(t, book(group("g", set("a")+set("b"), gated, unverified), read("z"))).On("g/b#1/act", enginetest.None("invalid")).
			Start().Approve("alice").Ended(engine.FailedClean)
		notRetried(t, done, "z", "g has left g/a undone")
		notRetried(t, done, "g/b", "inside a group")
		notRetried(t, done, "nothing", "there is no step nothing")
		done = play(t, book(read("a"), read("b"), read("c"))).On("b#1/act", enginetest.None("invalid")).Start().Ended(engine.FailedClean)
		notRetried(t, done, "c", "b is failed")
		done = play(t, book(read("a"))).Start().Ended(engine.NoAction)
		notRetried(t, done, "", "every step of run r1 went well")
		notRetried(t, undoing(t).Approve("bob").Ended(engine.Undone), "", "undoes another")
	}},
	{"who finds the lock taken waits, or does not, as the runbook says", func(t *testing.T) {
		src := book(read("r"), set("a", gated, unverified))
		busy := engine.LocksBusy{ID: "r1/lock.1", Holder: "r0", Same: true}
		locked := func(p *enginetest.Play) *enginetest.Play { p.Locked = true; return p.Start() }
		p := locked(play(t, src)).Give(busy).Settle().WaitsOn("lock")
		p.Locked = false
		p.Settle().Approve("alice").Ended(engine.Succeeded)
		p = locked(play(t, src+"\non_locked: skip")).Give(busy).Settle().Called().Ended(engine.Refused)
		if c := p.Run.Cause; c.Class != "locked" || !strings.Contains(c.Reason, "run r0 has world:1") {
			t.Errorf("refused because of %+v", c)
		}
		p = locked(play(t, src+"\non_locked: join")).Give(busy).Settle().Called().Ended(engine.Refused)
		if c := p.Run.Cause; c.Class != "joined" || !strings.Contains(c.Reason, "r0") {
			t.Errorf("refused because of %+v", c)
		}
		busy.Same = false
		locked(play(t, src+"\non_locked: join")).Give(busy).Settle().WaitsOn("lock")
	}},
	{"a run is told who has left it to it", func(t *testing.T) {
		p := play(t, book("\n  - wait: 1m")).Start().Give(engine.Joined{Run: "r9", Requester: engine.Requester{Kind: "alert", Name: "High"}})
		n := len(p.Saw("run_joined").Sleep(time.Minute).Ended(engine.NoAction).Journal)
		if p.Give(engine.Joined{Run: "r10"}); len(p.Journal) != n {
			t.Error("a run that has ended was joined")
		}
	}},
	{"what has changed something waits for its locks, whatever the runbook says", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+"\n  - wait: 1m", gated, unverified))+"\non_locked: skip").Start().Approve("alice")
		p.Say(engine.BreakLock{By: "bob"}).Do(func(p *enginetest.Play) { p.Locked = true }).Answer(engine.AskLock, engine.ChoiceRelock, "alice")
		p.Give(engine.LocksBusy{ID: "r1/lock.2", Holder: "r0"}).Settle().WaitsOn("lock", "timer")
	}},
}
