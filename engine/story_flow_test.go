package engine_test

import (
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

var flowStories = []story{
	{"steps run in order", func(t *testing.T) {
		play(t, book(read("a"), read("b"))).Start().
			Saw("run_started step_started read_began acted step_succeeded step_started read_began acted step_succeeded run_ended").
			Ended(engine.NoAction)
	}},
	{"parallel steps run side by side", func(t *testing.T) {
		p := play(t, book(side("p", read("a")+read("b"))))
		p.Give(engine.Start{Facts: enginetest.Facts(p.Book)})
		p.Saw("group_entered step_started read_began step_started read_began").Never("acted")
		p.Settle().Ended(engine.NoAction)
	}},
	{"a false condition skips", func(t *testing.T) {
		play(t, book(read("a"), step("id: b", "if: steps.a.outputs.value > 0", "uses: world.read", "with: {key: b}"))).
			Start().Status("b", engine.StatusSkipped).Ended(engine.NoAction)
	}},
	{"a condition that errors fails its step", func(t *testing.T) {
		p := play(t, book(read("a"), step("id: b", "if: 1 / steps.a.outputs.value > 0", "uses: world.read", "with: {key: b}")))
		p.Start().Status("b", engine.StatusFailed).Ended(engine.FailedClean)
		if got := p.Run.Step("b").Failure.Class; got != "expression" {
			t.Errorf("class %s", got)
		}
	}},
	{"an optional read may fail", func(t *testing.T) {
		play(t, book(read("a", "optional: true"), read("b"))).On("a#1/act", enginetest.None("unavailable")).Start().
			Status("a", engine.StatusFailed).Status("b", engine.StatusSucceeded).Ended(engine.NoAction)
	}},
	{"optional does not forgive an effect", func(t *testing.T) {
		play(t, book(bump("a", "optional: true", gated, unverified), read("b"))).
			On("a#1/act", enginetest.Partial()).Start().Approve("alice").
			Status("b", engine.StatusPending).Status("a", engine.StatusUndone).Ended(engine.FailedClean).Holds("a", 0)
	}},
	{"a failed read is tried again", func(t *testing.T) {
		play(t, book(read("a", "retry: {attempts: 3, backoff: 1s}"))).
			On("a#1/act", enginetest.None("unavailable")).On("a#2/act", enginetest.None("timeout")).
			Start().WaitsOn("timer").Sleep(time.Second).WaitsOn("timer").Sleep(2 * time.Second).
			Saw("retry_scheduled retry_began retry_scheduled retry_began step_succeeded").Ended(engine.NoAction)
	}},
	{"retries come to an end", func(t *testing.T) {
		play(t, book(read("a", "retry: {attempts: 2, backoff: 1s}"))).
			On("a#1/act", enginetest.None("unavailable")).On("a#2/act", enginetest.None("unavailable")).
			Start().Sleep(time.Minute).Ended(engine.FailedClean)
	}},
	{"another class is not tried again", func(t *testing.T) {
		play(t, book(read("a", "retry: {attempts: 3, on: [timeout]}"))).
			On("a#1/act", enginetest.None("invalid")).Start().Never("retry_scheduled").Ended(engine.FailedClean)
	}},
	{"a mutation that did nothing is tried again", func(t *testing.T) {
		play(t, book(set("a", gated, unverified, "retry: {attempts: 2, backoff: 1s}"))).
			On("a#1/act", enginetest.None("unavailable")).Start().Approve("alice").Sleep(time.Second).
			Called("a#1/act", "a#2/act").Ended(engine.Succeeded)
	}},
	{"a plan that cannot be made is tried again", func(t *testing.T) {
		play(t, book(set("a", gated, unverified, "retry: {attempts: 2, backoff: 1s}"))).
			On("a#1/plan.1", enginetest.None("unavailable")).Start().Approve("alice").Sleep(time.Second).
			Called("a#2/act").Ended(engine.Succeeded)
	}},
	{"plans that cannot be made come to an end", func(t *testing.T) {
		play(t, book(set("a", gated, unverified, "retry: {attempts: 2, backoff: 1s}"))).
			On("a#1/plan.1", enginetest.None("unavailable")).On("a#2/plan.2", enginetest.None("unavailable")).
			Start().Approve("alice").Sleep(time.Second).Called().Ended(engine.FailedClean)
	}},
	{"a partial mutation is never tried again", func(t *testing.T) {
		play(t, book(set("a", gated, unverified, "retry: {attempts: 3, on: [internal]}"))).
			On("a#1/act", enginetest.Partial()).Start().Approve("alice").
			Called("a#1/act", "a#1/undo").Ended(engine.FailedClean)
	}},
	{"a read that takes too long fails", func(t *testing.T) {
		p := play(t, book(read("a", "timeout: 5s"))).On("a#1/act", enginetest.Silent(false)).Start()
		p.Sleep(19 * time.Second).Never("step_failed").Sleep(2 * time.Second).Ended(engine.FailedClean)
		if got := p.Run.Step("a").Failure.Class; got != "timeout" {
			t.Errorf("class %s", got)
		}
	}},
	{"a mutation that takes too long is in doubt", func(t *testing.T) {
		play(t, book(bump("a", gated, unverified, "timeout: 5s"))).On("a#1/act", enginetest.Silent(true)).Start().
			Approve("alice").Sleep(21*time.Second).Saw("effect_unknown in_doubt").WaitsOn("in_doubt").
			Status("a", engine.StatusInDoubt)
	}},
	{"a plan that takes too long fails", func(t *testing.T) {
		play(t, book(bump("a", gated, unverified))).On("a#0/plan.1", enginetest.Silent(false)).Start().
			Sleep(time.Minute).Ended(engine.FailedClean)
	}},
	{"a group that takes too long is in trouble", func(t *testing.T) {
		play(t, book(group("g", longWait, "timeout: 30s"))).Start().Sleep(29*time.Second).WaitsOn("timer").
			Sleep(2*time.Second).Status("g", engine.StatusFailed).Ended(engine.FailedClean)
	}},
	{"the time of people does not count", func(t *testing.T) {
		p := play(t, book(group("g", bump("a", gated, unverified)+"\n  - wait: 20s", "timeout: 30s"))).Start()
		p.Sleep(4 * time.Minute).Approve("alice").Sleep(19 * time.Second).WaitsOn("timer").Sleep(2 * time.Second).Ended(engine.Succeeded)
		if got := p.Run.PeopleSeconds(p.Now); got != 240 {
			t.Errorf("%v seconds on people", got)
		}
	}},
	{"the time of a stop does not count", func(t *testing.T) {
		play(t, book(group("g", "\n  - wait: 20s"+bump("a", gated, unverified)+"\n  - wait: 9s", "timeout: 30s"))).Start().
			Sleep(10 * time.Second).Say(engine.Halt{By: "alice"}).Sleep(20 * time.Second).Say(engine.Lift{By: "alice"}).
			Approve("alice").Sleep(10 * time.Second).Ended(engine.Succeeded)
	}},
	{"a run that takes too long is in trouble", func(t *testing.T) {
		play(t, "timeout: 1m\n"+book(bump("a", gated, unverified), bump("b", unverified, gated), longWait)).Start().
			Approve("alice").Approve("alice").Sleep(61*time.Second).Ended(engine.FailedClean).Holds("a", 1)
	}},
	{"a soft stop goes to what is in flight", func(t *testing.T) {
		p := play(t, book(side("p", bump("a", gated, unverified)+longWait, "timeout: 30s"))).
			On("p/a#1/act", enginetest.Silent(true)).Start().Approve("alice").Sleep(31 * time.Second)
		found := false
		for _, c := range engine.Pending(p.Run) {
			stop, ok := c.(engine.StopCall)
			found = found || ok && stop.Call == "r1/p/a#1/act"
		}
		if !found || p.Run.Phase != engine.PhaseStopping {
			t.Errorf("no soft stop for the call, in phase %s", p.Run.Phase)
		}
	}},
	{"notify tells, and never fails", func(t *testing.T) {
		p := play(t, book(read("a"), step("notify: ops", "text: a is ${{ 1 / steps.a.outputs.value }}"), read("b"))).Start().Saw("notice_queued step_succeeded notice_sent").Ended(engine.NoAction)
		if n := p.Run.Notices[0]; n.To != "ops" || !n.Sent {
			t.Errorf("notice %+v", n)
		}
	}},
	{"a plain wait takes its time", func(t *testing.T) {
		play(t, book("\n  - wait: 30s")).Start().Sleep(29 * time.Second).WaitsOn("timer").Sleep(time.Second).Ended(engine.NoAction)
	}},
	{"a wait for a condition ends when it holds", func(t *testing.T) {
		p := play(t, book(step("wait: {uses: world.read, with: {key: w}, until: result.value == 3, every: 1s, within: 1m}"))).Start()
		p.Sleep(10 * time.Second).Never("run_ended")
		p.World.Set("w", 3)
		p.Sleep(time.Second).Ended(engine.NoAction)
	}},
	{"a wait for a condition takes no longer than it may", func(t *testing.T) {
		play(t, book(step("wait: {uses: world.read, with: {key: w}, until: result.value == 3, every: 1s, within: 1m}"))).
			Start().Sleep(61 * time.Second).Ended(engine.FailedClean)
	}},
	{"set gives values to read", func(t *testing.T) {
		p := play(t, book(read("a"), "\n  - set: {twice: '${{ steps.a.outputs.value * 2 }}'}", step("notify: ops", "text: it is ${{ vars.twice }}")))
		p.World.Set("a", 21)
		p.Start().Ended(engine.NoAction)
		if got := p.Run.Notices[0].Text; got != "it is 42" {
			t.Error(got)
		}
	}},
	{"fail ends the run and pages", func(t *testing.T) {
		p := play(t, book(read("a"), "\n  - fail: nothing to do about ${{ steps.a.outputs.value }}")).Start().Ended(engine.FailedClean)
		if n := p.Run.Notices[0]; !n.Page || n.Text != "nothing to do about 0" || n.To != "platform" {
			t.Errorf("notice %+v", n)
		}
	}},
	{"a change that is verified succeeds", func(t *testing.T) {
		play(t, book(set("a", gated, verified))).Start().WaitsOn("approval").Approve("alice").
			Sleep(2*time.Second).Saw("intended acted sampling_began verify_verdict step_succeeded committed run_ended").
			Called("a#1/act").Holds("a", 7).Ended(engine.Succeeded)
	}},
	{"an alert's run that changes nothing says so", func(t *testing.T) {
		p := play(t, book(read("a"))).Start(func(f *engine.Facts) { f.Requester = engine.Requester{Kind: "alert", Name: "x"} })
		p.Ended(engine.NoAction)
		if len(p.Run.Notices) != 1 {
			t.Error("nobody was told")
		}
	}},
	{"a run is not started twice", func(t *testing.T) {
		p := play(t, book("\n  - wait: 1m")).Start()
		n := len(p.Journal)
		if p.Give(engine.Start{Facts: enginetest.Facts(p.Book)}); p.Err == nil || len(p.Journal) != n {
			t.Errorf("%v, %s", p.Err, p.Kinds(n))
		}
	}},
	{"a parallel failure waits for what is in flight", func(t *testing.T) {
		p := play(t, book(group("g", side("p", bump("a")+read("b")), gated, unverified))).
			On("g/p/a#1/act", enginetest.Silent(true)).On("g/p/b#1/act", enginetest.Silent(false)).Start().Approve("alice")
		p.Give(engine.Returned{ID: "r1/g/p/b#1/act", Outcome: enginetest.None("invalid").Outcome}).Settle()
		p.Never("undo_began step_undone")
		if p.Run.Phase != engine.PhaseStopping {
			t.Fatalf("phase %s", p.Run.Phase)
		}
		p.Give(engine.Returned{ID: "r1/g/p/a#1/act", Outcome: engine.Outcome{
			Effect: engine.EffectApplied, Receipt: []byte(`{"key":"a","value":0}`), Left: "a=1"}}).Settle()
		p.Saw("troubled acted undo_intended step_undone").Holds("a", 0).Ended(engine.FailedClean)
	}},
}
