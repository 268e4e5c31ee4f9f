package local

import (
	"errors"
	"testing"

	"github.com/firebreak-ops/firebreak/engine"
)

// A run that could not be told of a stop learns of it before it is given
// anything else: it changes nothing meanwhile.
func TestStopThatWasNotTold(t *testing.T) {
	h := newHands(t)
	w := begin(t, newMemory(), h)
	run := w.start(fix, "run")
	q := w.asked(run, engine.AskGate)
	dark := errors.New("the disk answers nothing")
	set := func(err error) {
		w.tenant.mu.Lock()
		defer w.tenant.mu.Unlock()
		w.tenant.dark = err
	}
	set(dark)
	halt := Order{Kind: engine.StopHalt, On: true, By: "carol", Reason: "wait"}
	if err := w.Order(t.Context(), halt); !errors.Is(err, dark) {
		t.Fatalf("a halt that nobody can be told of: %v", err)
	}
	var refusal *engine.Refusal
	vote := engine.Vote{By: "alice", Question: q.ID, Digest: q.Digest, Approve: true}
	if err := w.Give(t.Context(), run, vote); !errors.As(err, &refusal) {
		t.Errorf("a yes under the halt: %v", err)
	}
	halt.On = false
	if err := w.Order(t.Context(), halt); !errors.Is(err, dark) {
		t.Fatalf("a lift that nobody can be told of: %v", err)
	}
	set(nil)
	if err := w.Give(t.Context(), run, engine.Cancel{By: "alice"}); err != nil {
		t.Fatal(err)
	}
	if r := w.until(run, func(r engine.Run) bool { return r.Ended() }); r.Stopped() || len(r.Ledger) > 0 {
		t.Errorf("it ended under %v, having changed %v", r.Stops, r.Ledger)
	}
}
