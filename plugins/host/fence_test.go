package host

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/firebreak-ops/firebreak/plugins"
	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

// cutOff is a plugin whose connection broke, while its process may live.
type cutOff struct{ pb.PluginClient }

func (cutOff) Cancel(context.Context, *pb.CancelRequest, ...grpc.CallOption) (*pb.CancelResponse, error) {
	return nil, status.Error(codes.Unavailable, "connection reset")
}

// A call behind a broken connection is over only once its process is gone.
func TestFenceDoesNotTrustABrokenConnection(t *testing.T) {
	h := demoHost(t)
	gone, killed := make(chan struct{}), make(chan struct{})
	p := &process{name: "demo", rpc: cutOff{}, gone: gone, kill: func() { close(killed) }}
	h.calls.abandon("c", p)
	fenced := make(chan error, 1)
	go func() { fenced <- h.Fence(inTime(t), "c") }()
	select {
	case err := <-fenced:
		t.Fatalf("fenced while its process is there: %v", err)
	case <-time.After(3 * fencePoll):
	}
	close(gone)
	if err := <-fenced; err != nil {
		t.Errorf("its process is gone, and it is not fenced: %v", err)
	}
	select {
	case <-killed:
		t.Error("the process was killed before the time was over")
	default:
	}
}

// What heeds neither a stop nor the end of its connection cannot be probed
// while it goes on, so that it is ended.
func TestFenceKillsWhatDoesNotEnd(t *testing.T) {
	h := demoHost(t)
	ctx, sink := untilReport(t)
	wantFailure(t, h.Run(ctx, call("d", "deaf"), sink), plugins.Timeout, plugins.Unknown)
	p := h.calls.unfinished("d")
	if p == nil {
		t.Fatal("the call is forgotten, and goes on")
	}
	limit, done := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer done()
	if err := h.Fence(limit, "d"); err != nil {
		t.Error(err)
	}
	if !p.isGone() {
		t.Error("it is fenced, and its process is there")
	}
}

// The other of two calls of one id is waited for, too.
func TestFenceWaitsForTheRunningTwin(t *testing.T) {
	h := demoHost(t)
	sink := newRecorder()
	first := make(chan plugins.Outcome, 1)
	go func() { first <- h.Run(inTime(t), call("twin", "soft"), sink) }()
	<-sink.first
	wantFailure(t, h.Run(inTime(t), call("twin", "soft"), nil), plugins.Conflict, plugins.Unknown)
	if err := h.Fence(inTime(t), "twin"); err != nil {
		t.Error(err)
	}
	if p := h.calls.unfinished("twin"); p != nil {
		if running, err := soft(inTime(t), p, "twin"); err != nil || running {
			t.Errorf("fenced, and still running: %v, %v", running, err)
		}
	}
	wantFailure(t, <-first, plugins.Cancelled, plugins.Partial)
}
