package host

import (
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
)

// kept is what the heap holds when all that nobody needs is gone, in bytes.
func kept() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// counted is a log that forgets what it is told.
type counted struct{ bytes atomic.Int64 }

func (c *counted) Write(p []byte) (int, error) {
	c.bytes.Add(int64(len(p)))
	return len(p), nil
}

// 105 MB on standard output and standard error neither block the plugin nor
// stay in our memory.
func TestFloodOfOutput(t *testing.T) {
	logged := &counted{}
	h := started(t, Config{Specs: []Spec{builtin("demo")}, Log: slog.New(slog.NewTextHandler(logged, nil))})
	before := pid(t, h)
	empty := kept()
	if o := h.Run(inTime(t), call("f", "flood"), nil); o.Failure != nil {
		t.Fatal(o.Failure)
	}
	eventually(t, "all that is not thrown away is logged", func() bool { return logged.bytes.Load() > 54*mebibyte })
	if grown := int64(kept()) - int64(empty); grown > 16*mebibyte {
		t.Errorf("%d MiB stay in memory", grown/mebibyte)
	}
	if after := pid(t, h); after != before {
		t.Error("it was started again")
	}
}

// An answer of 100 MB fails its call, and no other.
func TestHugeAnswerIsRefused(t *testing.T) {
	h := demoHost(t)
	before := pid(t, h)
	o := h.Run(inTime(t), call("h", "huge"), nil)
	wantFailure(t, o, plugins.Invalid, plugins.Unknown)
	if err := h.Fence(inTime(t), "h"); err != nil {
		t.Error(err)
	}
	if after := pid(t, h); after != before {
		t.Error("it was started again")
	}
}

// Whoever reads slowly, or not at all for a while, holds nobody else up.
func TestSlowReaderHoldsUpNobodyElse(t *testing.T) {
	h := demoHost(t)
	slow := &stuck{began: make(chan struct{}), released: make(chan struct{})}
	done := make(chan plugins.Outcome, 1)
	go func() { done <- h.Run(inTime(t), call("s", "chatty"), slow) }()
	<-slow.began
	pid(t, h) // another call
	close(slow.released)
	if o := <-done; o.Failure != nil {
		t.Error(o.Failure)
	}
}

// stuck is a sink whose first report is not taken until it is released.
type stuck struct {
	once            atomic.Bool
	began, released chan struct{}
}

func (s *stuck) Progress(int, int, string) {
	if s.once.CompareAndSwap(false, true) {
		close(s.began)
		<-s.released
	}
}

func (s *stuck) Log(string, string) {}

// A slow stream arrives piece by piece: each report before the next is made.
func TestSlowStream(t *testing.T) {
	h := demoHost(t)
	sink := newRecorder()
	done := make(chan plugins.Outcome, 1)
	go func() { done <- h.Run(inTime(t), call("s", "slow"), sink) }()
	for _, want := range []string{"piece 0", "piece 1", "piece 2"} {
		select {
		case got := <-sink.lines:
			if got != want {
				t.Errorf("report %q, want %q", got, want)
			}
		case o := <-done:
			t.Fatalf("it ended before %s: %+v", want, o)
		}
		if o := h.Run(inTime(t), call("poke "+want, "poke"), nil); o.Failure != nil {
			t.Fatal(o.Failure)
		}
	}
	if o := <-done; o.Failure != nil {
		t.Error(o.Failure)
	}
}
