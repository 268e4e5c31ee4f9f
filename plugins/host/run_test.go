package host

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

func demoHost(t *testing.T) *Host {
	t.Helper()
	return started(t, Config{Specs: []Spec{builtin("demo")}, Grace: 200 * time.Millisecond})
}

// pid is that of the process that serves now, as itself says.
func pid(t *testing.T, h *Host) int {
	t.Helper()
	o := h.Run(inTime(t), call(t.Name()+time.Now().String(), "echo"), nil)
	if o.Failure != nil {
		t.Fatal(o.Failure)
	}
	var out struct{ PID int }
	if err := json.Unmarshal(o.Outputs, &out); err != nil {
		t.Fatal(err)
	}
	return out.PID
}

func TestRunReturnsWhatThePluginSaid(t *testing.T) {
	c := call("1", "echo")
	c.Input = json.RawMessage(`{"n":12345678901234567890}`)
	o := demoHost(t).Run(inTime(t), c, nil)
	if o.Failure != nil {
		t.Fatal(o.Failure)
	}
	var out struct{ Input json.RawMessage }
	if err := json.Unmarshal(o.Outputs, &out); err != nil {
		t.Fatal(err)
	}
	if string(out.Input) != string(c.Input) || o.Applied != plugins.None {
		t.Errorf("input arrived as %s, applied %s; want %s, none", out.Input, o.Applied, c.Input)
	}
}

func TestRunJudgesWhatThePluginSaid(t *testing.T) {
	tests := []struct {
		verb    string
		class   string
		applied plugins.Applied
		reason  string
		receipt bool
	}{
		{verb: "big", class: plugins.Invalid, applied: plugins.All, reason: "more than the 262144 allowed", receipt: true},
		{verb: "wrong", class: plugins.Invalid, applied: plugins.All, reason: `missing properties: ["ok"]`, receipt: true},
		{verb: "odd", class: plugins.Internal, applied: plugins.Unknown, reason: "odd"},
		{verb: "panic", class: plugins.Internal, applied: plugins.Unknown, reason: "demo panics"},
		{verb: "panicread", class: plugins.Internal, applied: plugins.None, reason: "demo panics"},
		{verb: "no_such", class: plugins.Invalid, applied: plugins.None, reason: "plugin demo has no action demo.no_such"},
	}
	h := demoHost(t)
	for _, test := range tests {
		t.Run(test.verb, func(t *testing.T) {
			o := h.Run(inTime(t), call(test.verb, test.verb), nil)
			wantFailure(t, o, test.class, test.applied)
			if !strings.Contains(o.Failure.Reason, test.reason) {
				t.Errorf("reason %q does not contain %q", o.Failure.Reason, test.reason)
			}
			if got := len(o.Receipt) > 0; got != test.receipt {
				t.Errorf("receipt kept: %v, want %v", got, test.receipt)
			}
			if o.Outputs != nil {
				t.Errorf("the outputs of a failed report were kept: %.100s", o.Outputs)
			}
		})
	}
}

func TestRunRefusesBadInputBeforeSending(t *testing.T) {
	for _, input := range []string{``, `[]`, `{`} {
		c := call("bad "+input, "crash") // which would be seen
		c.Input = json.RawMessage(input)
		wantFailure(t, demoHost(t).Run(inTime(t), c, nil), plugins.Invalid, plugins.None)
	}
}

func TestCrashDuringCall(t *testing.T) {
	tests := []struct {
		verb    string
		applied plugins.Applied
	}{{"crash", plugins.Unknown}, {"crashread", plugins.None}}
	for _, test := range tests {
		t.Run(test.verb, func(t *testing.T) {
			h := demoHost(t)
			before := pid(t, h)
			o := h.Run(inTime(t), call("c", test.verb), nil)
			wantFailure(t, o, plugins.Unavailable, test.applied)
			if !strings.Contains(o.Failure.Reason, "exit status 7") {
				t.Errorf("reason %q does not say how it ended", o.Failure.Reason)
			}
			if err := h.Fence(inTime(t), "c"); err != nil {
				t.Errorf("a call whose process is gone is not fenced: %v", err)
			}
			if after := pid(t, h); after == before {
				t.Error("the crashed process still serves")
			}
			if s := h.Status()[0]; s.Restarts != 1 || s.State != Ready {
				t.Errorf("status %+v; want ready after one restart", s)
			}
		})
	}
}

func TestDeadlineOfMutationIsUnknown(t *testing.T) {
	h := demoHost(t)
	ctx, sink := untilReport(t)
	o := h.Run(ctx, call("h", "hang"), sink)
	wantFailure(t, o, plugins.Timeout, plugins.Unknown)
	if err := h.Fence(inTime(t), "h"); err != nil {
		t.Errorf("it returned when it was cut, and is not fenced: %v", err)
	}
}

func TestDeadlineOfReadCutsAtOnce(t *testing.T) {
	h := demoHost(t)
	pid(t, h) // warm
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	wantFailure(t, h.Run(ctx, call("s", "stall"), nil), plugins.Timeout, plugins.None)
}

func TestEndOfContextBeforeSendingChangesNothing(t *testing.T) {
	h := demoHost(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantFailure(t, h.Run(ctx, call("e", "crash"), nil), plugins.Cancelled, plugins.None)
}

func TestCancelStopsSoftly(t *testing.T) {
	h := demoHost(t)
	sink := newRecorder()
	go func() {
		<-sink.first
		_ = h.Cancel(t.Context(), "soft") // seen by the outcome
	}()
	o := h.Run(inTime(t), call("soft", "soft"), sink)
	wantFailure(t, o, plugins.Cancelled, plugins.Partial)
	if string(o.Receipt) != `{"half":1}` {
		t.Errorf("receipt %s", o.Receipt)
	}
}

func TestDeadlineStopsSoftlyFirst(t *testing.T) {
	h := started(t, Config{Specs: []Spec{builtin("demo")}, Grace: wait})
	ctx, sink := untilReport(t)
	o := h.Run(ctx, call("soft", "soft"), sink)
	wantFailure(t, o, plugins.Timeout, plugins.Partial)
	if string(o.Receipt) != `{"half":1}` {
		t.Errorf("receipt %s", o.Receipt)
	}
}

func TestCancelBeforeBegin(t *testing.T) {
	h := demoHost(t)
	if err := h.Cancel(t.Context(), "later"); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, h.Run(inTime(t), call("later", "crash"), nil), plugins.Cancelled, plugins.None)
}

func TestSameCallTwice(t *testing.T) {
	h := demoHost(t)
	sink := newRecorder()
	first := make(chan plugins.Outcome, 1)
	go func() { first <- h.Run(inTime(t), call("twin", "soft"), sink) }()
	<-sink.first
	wantFailure(t, h.Run(inTime(t), call("twin", "soft"), nil), plugins.Conflict, plugins.Unknown)
	if err := h.Cancel(t.Context(), "twin"); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, <-first, plugins.Cancelled, plugins.Partial)
}

func TestChattyPluginIsNotHeldUp(t *testing.T) {
	h := demoHost(t)
	sink := newRecorder()
	o := h.Run(inTime(t), call("c", "chatty"), sink)
	if o.Failure != nil {
		t.Fatal(o.Failure)
	}
	lines := sink.all()
	if len(lines) < 1000 && !slices.Contains(lines, "last line") { // the recorder holds 1000
		t.Errorf("the last line is lost among %d reports", len(lines))
	}
}

func TestPlanIsCanonical(t *testing.T) {
	plan, err := demoHost(t).Plan(inTime(t), call("p", "soft"))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"a":"<","z":1}`; string(plan.Binding) != want {
		t.Errorf("binding %s, want %s", plan.Binding, want)
	}
	if plan.Resource != "demo:" {
		t.Errorf("resource %q; want the binding's", plan.Resource)
	}
}

func TestPlanOfReadIsRefused(t *testing.T) {
	_, err := demoHost(t).Plan(inTime(t), call("p", "echo"))
	if f := plugins.AsFailure(err); f == nil || f.Class != plugins.Invalid {
		t.Errorf("error %v; want class invalid", err)
	}
}

func TestProbeWithoutOneCannotTell(t *testing.T) {
	if p := demoHost(t).Probe(inTime(t), call("p", "soft"), nil); p.Applied != plugins.Unknown || p.Reason == "" {
		t.Errorf("probed %+v; want unknown, with a reason", p)
	}
}
