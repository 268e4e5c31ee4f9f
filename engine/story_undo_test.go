package engine_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

// undoChecked is a change whose verify fails, and whose undo is verified by
// what it reads.
func undoChecked(t *testing.T, until string, lines ...string) *enginetest.Play {
	t.Helper()
	undo := "undo: {uses: world.set, verify: {uses: world.read, with: {key: a}, until: " + until + ", for: 6s, within: 20s}}"
	p := play(t, book(step("id: a", append([]string{"uses: world.set", "with: {key: a, value: 7}", undo, gated, verify("undo")}, lines...)...), read("b")))
	p.World.SetSick(true)
	return p
}

const undoTried = "undo: {uses: world.set, retry: {attempts: 3, backoff: 5s}}"

// tried is a change whose verify fails, and whose undo is tried three times.
func tried(t *testing.T) *enginetest.Play {
	t.Helper()
	p := play(t, book(step("id: a", "uses: world.set", "with: {key: a, value: 7}", undoTried, gated, verify("undo"))))
	p.World.SetSick(true)
	return p
}

var undoTryStories = []story{
	{"an undo that did not happen is tried again where the runbook says so", func(t *testing.T) {
		tried(t).On("a#1/undo", enginetest.None("unavailable")).Start().Approve("alice").Sleep(11*time.Second).WaitsOn("timer").
			Sleep(5*time.Second).Saw("undo_retry_scheduled undo_retry_began undo_began undo_intended step_undone").
			Called("a#1/act", "a#1/undo", "a#1/undo.2").Holds("a", 0).Ended(engine.FailedClean)
	}},
	{"an undo that cannot be planned is tried again where the runbook says so", func(t *testing.T) {
		tried(t).On("a#1/undo.guard.1", enginetest.None("unavailable")).Start().Approve("alice").Sleep(11*time.Second).Never("undo_failed undo_intended").
			Sleep(5*time.Second).Called("a#1/act", "a#1/undo").Holds("a", 0).Ended(engine.FailedClean)
	}},
	{"tries of an undo come to an end", func(t *testing.T) {
		tried(t).On("a#1/undo", enginetest.None("unavailable")).On("a#1/undo.2", enginetest.None("timeout")).On("a#1/undo.3", enginetest.None("unavailable")).
			Start().Approve("alice").Sleep(time.Minute).Called("a#1/act", "a#1/undo", "a#1/undo.2", "a#1/undo.3").Holds("a", 7).Ended(engine.FailedDirty)
	}},
	{"another class of failure of an undo is not tried again", func(t *testing.T) {
		tried(t).On("a#1/undo", enginetest.None("invalid")).Start().Approve("alice").Sleep(time.Minute).Never("undo_retry_scheduled").
			Holds("a", 7).Ended(engine.FailedDirty)
	}},
	{"a partial undo is never tried again", func(t *testing.T) {
		tried(t).On("a#1/undo", enginetest.Partial()).Start().Approve("alice").Sleep(time.Minute).Never("undo_retry_scheduled").Ended(engine.FailedDirty)
	}},
	{"a halt holds back the next try of an undo", func(t *testing.T) {
		tried(t).On("a#1/undo", enginetest.None("unavailable")).Start().Approve("alice").Sleep(11*time.Second).Say(engine.Halt{By: "alice"}).
			Sleep(time.Minute).Called("a#1/act", "a#1/undo").Say(engine.Lift{By: "alice"}).Answer(engine.AskResume, engine.ChoiceResume, "alice").
			Called("a#1/act", "a#1/undo", "a#1/undo.2").Ended(engine.FailedClean)
	}},
	{"a crash in the pause of an undo tries it by the clock", func(t *testing.T) {
		tried(t).On("a#1/undo", enginetest.None("unavailable")).Start().Approve("alice").Sleep(11*time.Second).Crash(time.Minute).Settle().
			Sleep(time.Second).Called("a#1/act", "a#1/undo", "a#1/undo.2").Ended(engine.FailedClean)
	}},
	{"an undo is verified", func(t *testing.T) {
		undoChecked(t, "result.value == 0").Start().Approve("alice").Sleep(11*time.Second).Saw("undo_sampling_began").Never("step_undone").
			Sleep(7*time.Second).Saw("undo_verdict step_undone").Holds("a", 0).Ended(engine.FailedClean)
	}},
	{"an undo whose verify fails has failed", func(t *testing.T) {
		p := undoChecked(t, "result.value == 5").Start().Approve("alice").Sleep(time.Minute)
		if row := p.Run.Ledger[0]; row.State != engine.RowUndoFailed {
			t.Error(row.State)
		}
		p.Called("a#1/act", "a#1/undo").Ended(engine.FailedDirty)
	}},
	{"a verify of an undo that sees nothing asks", func(t *testing.T) {
		blindUndo(t).Answer(engine.AskVerdict, engine.ChoiceAccept, "alice").Saw("undo_verdict step_undone").Ended(engine.FailedClean)
		blindUndo(t).Answer(engine.AskVerdict, engine.ChoiceKeep, "alice").Ended(engine.FailedDirty)
		blindUndo(t).Answer(engine.AskVerdict, engine.ChoiceAgain, "alice").Sleep(7 * time.Second).Ended(engine.FailedClean)
	}},
	{"a cancel while an undo is verified waits for what it finds", func(t *testing.T) {
		undoChecked(t, "result.value == 0").Start().Approve("alice").Sleep(11 * time.Second).Say(engine.Cancel{By: "dora"}).Never("run_ended").
			Sleep(7 * time.Second).Saw("undo_verdict step_undone").Ended(engine.FailedClean)
	}},
	{"a cancel closes the question about an undo's verify, and verifies it again", func(t *testing.T) {
		blindUndo(t).Say(engine.Cancel{By: "dora"}).Never("run_ended").Sleep(7 * time.Second).Saw("undo_verdict step_undone").Ended(engine.FailedClean)
	}},
	{"a halt lets the verify of an undo go on", func(t *testing.T) {
		undoChecked(t, "result.value == 0").Start().Approve("alice").Sleep(11 * time.Second).Say(engine.Halt{By: "alice"}).
			Sleep(7 * time.Second).Saw("undo_verdict step_undone").Ended(engine.FailedClean)
	}},
	{"a crash while an undo is verified starts the count again", func(t *testing.T) {
		undoChecked(t, "result.value == 0").Start().Approve("alice").Sleep(12 * time.Second).Crash(time.Hour).Settle().Never("step_undone").
			Sleep(7 * time.Second).Saw("undo_verdict step_undone").Ended(engine.FailedClean)
	}},
	{"locks that are broken while an undo is verified leave it to a person", func(t *testing.T) {
		undoChecked(t, "result.value == 0").Start().Approve("alice").Sleep(11*time.Second).Saw("undo_sampling_began").Say(engine.BreakLock{By: "bob"}).
			Sleep(7*time.Second).Never("step_undone").Answer(engine.AskVerdict, engine.ChoiceAccept, "alice").Saw("step_undone")
	}},
	{"an undo that a probe found to have happened is verified, too", func(t *testing.T) {
		p := undoChecked(t, "result.value == 0").On("a#1/undo", enginetest.Lost(true))
		p.Start().Approve("alice").Sleep(11 * time.Second).Sleep(7 * time.Second).Saw("undo_sampling_began").Saw("undo_verdict step_undone").Ended(engine.FailedClean)
	}},
}

// blindUndo is an undo whose verify gets no answer, up to its question.
func blindUndo(t *testing.T) *enginetest.Play {
	t.Helper()
	p := undoChecked(t, "result.value == 0")
	for i := range 24 {
		p.On("a#1/undo.verify."+strconv.Itoa(i), enginetest.None("unavailable"))
	}
	p.Start().Approve("alice").Sleep(11 * time.Second).Sleep(21 * time.Second).WaitsOn("person")
	return p
}
