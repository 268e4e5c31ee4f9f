package plugins

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

// server answers a host on behalf of a Plugin.
type server struct {
	pb.UnimplementedPluginServer
	plugin      Plugin
	description Description
	actions     map[string]Action
	bindings    bindings
	stops       stops
}

var _ pb.PluginServer = (*server)(nil)

func newServer(p Plugin) *server {
	s := &server{plugin: p, description: p.Describe(), actions: map[string]Action{}}
	for _, action := range s.description.Actions {
		s.actions[action.Name] = action
	}
	return s
}

// close closes what is bound, each once its last call has ended, and waits
// for that no longer than patience.
func (s *server) close(patience time.Duration) {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-s.bindings.close():
	case <-late.C:
	}
}

// Describe implements the contract.
func (s *server) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	return describeToProto(s.description)
}

// Bind implements the contract.
func (s *server) Bind(_ context.Context, req *pb.BindRequest) (*pb.BindResponse, error) {
	bound, err := guarded("Bind", func() (Bound, error) { return s.plugin.Bind(bindingFromProto(req)) })
	if err == nil && bound == nil {
		err = errors.New("the plugin's Bind returned nothing")
	}
	if err != nil {
		problem := validText(err.Error())
		return &pb.BindResponse{Problems: []string{problem}}, nil // the section is at fault, not the call
	}
	s.bindings.put(req.GetId(), bound)
	return &pb.BindResponse{Resource: valid(bound.Resource())}, nil
}

// Plan implements the contract.
func (s *server) Plan(ctx context.Context, req *pb.PlanRequest) (*pb.PlanResponse, error) {
	b, failure, err := s.target(req.GetCall())
	if err != nil {
		return nil, err
	}
	defer s.bindings.release(b)
	if failure != nil {
		return planToProto(Plan{}, failure), nil
	}
	plan, perr := guarded("Plan", func() (Plan, error) { return b.bound.Plan(ctx, callFromProto(req.GetCall())) })
	return planToProto(plan, AsFailure(perr)), nil
}

// Probe implements the contract.
func (s *server) Probe(ctx context.Context, req *pb.ProbeRequest) (*pb.ProbeResponse, error) {
	b, failure, err := s.target(req.GetCall())
	if err != nil {
		return nil, err
	}
	defer s.bindings.release(b)
	if failure != nil {
		return probedToProto(Probed{Applied: Unknown, Reason: failure.Reason}), nil
	}
	probed, perr := guarded("Probe", func() (Probed, error) {
		return b.bound.Probe(ctx, callFromProto(req.GetCall()), req.GetUndo()), nil
	})
	if perr != nil {
		probed = Probed{Applied: Unknown, Reason: perr.Error()}
	}
	return probedToProto(probed), nil
}

// Cancel implements the contract.
func (s *server) Cancel(_ context.Context, req *pb.CancelRequest) (*pb.CancelResponse, error) {
	return &pb.CancelResponse{Running: s.stops.stop(req.GetId())}, nil
}

// Health implements the contract.
func (s *server) Health(ctx context.Context, req *pb.HealthRequest) (*pb.HealthResponse, error) {
	b := s.bindings.acquire(req.GetBinding())
	if b == nil {
		return nil, notBound(req.GetBinding())
	}
	defer s.bindings.release(b)
	_, err := guarded("Health", func() (struct{}, error) { return struct{}{}, b.bound.Health(ctx) })
	if err != nil {
		return &pb.HealthResponse{Text: validText(err.Error())}, nil
	}
	return &pb.HealthResponse{Ok: true}, nil
}

// target finds what a call acts on; the caller releases it. The failure is
// that of a call which this plugin cannot serve.
func (s *server) target(call *pb.Call) (*binding, *Failure, error) {
	b := s.bindings.acquire(call.GetBinding())
	if b == nil {
		return nil, nil, notBound(call.GetBinding())
	}
	if _, ok := s.actions[call.GetAction()]; !ok {
		return b, Fail(Invalid, "plugin %s has no action %q", s.description.Name, call.GetAction()), nil
	}
	return b, nil, nil
}

func notBound(id string) error {
	return status.Errorf(codes.FailedPrecondition, "nothing is bound as %q; Bind first", id)
}

// guarded turns a panic of the author's code into an error, so that one bad
// call does not end the process that serves all others.
func guarded[T any](method string, f func() (T, error)) (result T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the plugin's %s panicked: %v\n%s", method, p, debug.Stack())
		}
	}()
	return f()
}
