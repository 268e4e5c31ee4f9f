package plugins

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

// Run implements the contract.
func (s *server) Run(req *pb.RunRequest, stream grpc.ServerStreamingServer[pb.RunEvent]) error {
	b, failure, err := s.target(req.GetCall())
	if err != nil {
		return err
	}
	defer s.bindings.release(b)
	if failure != nil {
		return stream.Send(outcomeToProto(Outcome{Failure: failure, Applied: None}))
	}
	call := callFromProto(req.GetCall())
	stop, fresh := s.stops.begin(call.ID)
	if !fresh {
		return status.Errorf(codes.AlreadyExists, "call %s is running already", call.ID)
	}
	defer s.stops.end(call.ID)
	call.Stop = stop

	reports := newReports()
	sent := make(chan error, 1)
	go func() { sent <- reports.drain(stream.Send) }()
	outcome := s.perform(stream, b, call, reports)
	reports.close()
	if err := <-sent; err != nil {
		return err
	}
	return stream.Send(outcomeToProto(outcome))
}

// perform runs the author's code. A panic in the middle of a mutation leaves
// nobody who knows how far it came.
func (s *server) perform(stream grpc.ServerStream, b *binding, call Call, to Stream) Outcome {
	outcome, err := guarded("Run", func() (Outcome, error) { return b.bound.Run(stream.Context(), call, to), nil })
	if err == nil {
		return outcome
	}
	applied := Unknown
	if s.actions[call.Action].Effect == Read {
		applied = None
	}
	return Outcome{Failure: Fail(Internal, "%v", err), Applied: applied}
}
