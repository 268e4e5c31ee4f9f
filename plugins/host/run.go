package host

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/firebreak-ops/firebreak/plugins"
	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

// graceful is how long a mutation may take to end after its soft stop.
type graceful time.Duration

func (g graceful) duration() time.Duration {
	if g == 0 {
		return defaultGrace
	}
	return time.Duration(g)
}

// Run performs an action and blocks until it ended. What it reports goes to
// sink, which may be nil, with secrets hidden. The end of ctx cuts a read at
// once; a mutation is asked to stop at its next safe point and cut after the
// host's grace, so that Run may return that much later than ctx ends.
//
// The outcome is always fit to be recorded. Applied is none when the call
// was never sent, and unknown when it was and no outcome came back.
func (h *Host) Run(ctx context.Context, call Call, sink plugins.Stream) plugins.Outcome {
	if err := h.enter(); err != nil {
		return refused(err)
	}
	defer h.leave()
	running := h.calls.begin(call.ID)
	if running == nil {
		failure := plugins.Fail(plugins.Conflict, "call %s is running already", call.ID)
		return plugins.Outcome{Failure: failure, Applied: plugins.Unknown} // the other one will tell
	}
	defer h.calls.end(call.ID)
	t, err := h.aim(ctx, call)
	if err != nil {
		return refused(err)
	}
	if sink == nil {
		sink = silence{}
	}
	return h.send(ctx, t, call, running, masked{to: sink, masks: h.masks})
}

func (h *Host) send(ctx context.Context, t *target, call Call, running *running, sink plugins.Stream) plugins.Outcome {
	if err := ctx.Err(); err != nil {
		return h.lost(t, false, status.FromContextError(err).Err())
	}
	life := ctx
	if t.action.mutates() {
		life = context.WithoutCancel(ctx)
	}
	live, cut := context.WithCancel(life)
	defer cut()
	if t.action.mutates() {
		defer h.stopSoftly(ctx, call.ID, t.process, cut)()
	}
	stream, err := t.process.conn.NewStream(live, &pb.Plugin_ServiceDesc.Streams[0], pb.Plugin_Run_FullMethodName)
	if err != nil {
		return h.lost(t, false, err)
	}
	if !h.calls.send(running, t.process) {
		return refused(plugins.Fail(plugins.Cancelled, "%s was cancelled before it began", call.Action))
	}
	if err := request(stream, &pb.RunRequest{Call: t.call(ctx, call)}); err != nil {
		return h.finish(ctx, t, call, h.lost(t, true, err))
	}
	outcome, err := listen(stream, sink)
	switch {
	case errors.Is(err, errNoOutcome), errors.Is(err, errMore):
		return h.finish(ctx, t, call, unexpected(t, "%v", err))
	case err != nil:
		return h.finish(ctx, t, call, h.lost(t, true, err))
	}
	return h.finish(ctx, t, call, h.judge(t, outcomeFromProto(outcome)))
}

// stopSoftly asks the call to stop when ctx ends and cuts it after the
// grace. The caller calls what it returns when the call is over.
func (h *Host) stopSoftly(ctx context.Context, id string, p *process, cut func()) (over func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_, _ = soft(context.WithoutCancel(ctx), p, id) // lost or not, the grace decides
		select {
		case <-time.After(h.grace.duration()):
			cut()
		case <-done:
		}
	})
	return func() { stop(); close(done) }
}

// finish says timeout where the plugin or we gave up because the time was
// over, and remembers a call that may go on without us.
func (h *Host) finish(ctx context.Context, t *target, call Call, o plugins.Outcome) plugins.Outcome {
	if o.Failure != nil && o.Failure.Class == plugins.Cancelled && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		o.Failure = plugins.Fail(plugins.Timeout, "its time was over: %s", o.Failure.Reason)
	}
	if o.Applied == plugins.Unknown {
		h.calls.abandon(call.ID, t.process)
	}
	return o
}

var (
	errNoOutcome = errors.New("the call ended without an outcome")
	errMore      = errors.New("the plugin went on after its outcome")
)

func request(stream grpc.ClientStream, req *pb.RunRequest) error {
	err := stream.SendMsg(req)
	if errors.Is(err, io.EOF) {
		return stream.RecvMsg(&pb.RunEvent{}) // says why
	}
	if err != nil {
		return err
	}
	return stream.CloseSend()
}

// listen passes reports on and returns the outcome, after which the stream
// must end.
func listen(stream grpc.ClientStream, sink plugins.Stream) (*pb.Outcome, error) {
	var outcome *pb.Outcome
	for {
		event := &pb.RunEvent{}
		err := stream.RecvMsg(event)
		switch {
		case outcome != nil && err == nil:
			return nil, errMore
		case outcome != nil:
			return outcome, nil // it has told all that counts, however the stream ends
		case errors.Is(err, io.EOF):
			return nil, errNoOutcome
		case err != nil:
			return nil, err
		}
		switch e := event.GetEvent().(type) {
		case *pb.RunEvent_Progress:
			sink.Progress(int(e.Progress.GetDone()), int(e.Progress.GetTotal()), e.Progress.GetText())
		case *pb.RunEvent_Log:
			sink.Log(e.Log.GetLevel(), e.Log.GetText())
		case *pb.RunEvent_Outcome:
			outcome = e.Outcome
		}
	}
}

// Cancel asks a call to end at its next safe point; its Run still returns
// its outcome. A call that has not begun will not. It does not wait for the
// call.
func (h *Host) Cancel(ctx context.Context, id string) error {
	p := h.calls.stop(id)
	if p == nil {
		return nil
	}
	_, err := soft(ctx, p, id)
	if err == nil || status.Code(err) == codes.Unavailable { // lost: its Run says so
		return nil
	}
	return h.broken(p, "Cancel", err)
}

const cancelTimeout = 2 * time.Second

// soft asks p to end a call, and says whether it is running there. Only an
// answer without an error says that it is not.
func soft(ctx context.Context, p *process, id string) (running bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, cancelTimeout)
	defer cancel()
	reply, err := p.rpc.Cancel(ctx, &pb.CancelRequest{Id: id})
	if err != nil {
		return false, err
	}
	return reply.GetRunning(), nil
}
