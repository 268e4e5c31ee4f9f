package host

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/firebreak-ops/firebreak/plugins"
	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

const shouts = 20 // of 1 MiB each

// rude speaks the contract without the kit, and has no manners.
type rude struct {
	plugin.NetRPCUnsupportedPlugin
	pb.UnimplementedPluginServer
}

func serveRudely() {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugins.Handshake(),
		Plugins:         plugin.PluginSet{plugins.Name: &rude{}},
		GRPCServer:      plugin.DefaultGRPCServer,
	})
}

func (r *rude) GRPCServer(_ *plugin.GRPCBroker, g *grpc.Server) error {
	pb.RegisterPluginServer(g, r)
	return nil
}

func (*rude) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this is the plugin's side")
}

func (*rude) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	d := &pb.DescribeResponse{Name: "rude", Version: "1"}
	for _, verb := range []string{"twice", "silent", "shout", "essay", "sign"} {
		d.Actions = append(d.Actions, &pb.Action{Name: "rude." + verb, Effect: pb.Effect_EFFECT_MUTATE})
	}
	return d, nil
}

func (*rude) Bind(context.Context, *pb.BindRequest) (*pb.BindResponse, error) {
	return &pb.BindResponse{}, nil
}

func (*rude) Plan(_ context.Context, req *pb.PlanRequest) (*pb.PlanResponse, error) {
	long := strings.Repeat("x", mebibyte)
	if req.GetCall().GetAction() == "rude.sign" {
		return &pb.PlanResponse{Binding: []byte(`{}`), Fingerprint: long}, nil
	}
	return &pb.PlanResponse{Binding: []byte(`{}`), Fingerprint: "f", Detail: long}, nil
}

func (*rude) Run(req *pb.RunRequest, stream grpc.ServerStreamingServer[pb.RunEvent]) error {
	done := &pb.RunEvent{Event: &pb.RunEvent_Outcome{Outcome: &pb.Outcome{Applied: pb.Applied_APPLIED_ALL}}}
	long := strings.Repeat("x", mebibyte)
	switch req.GetCall().GetAction() {
	case "rude.silent":
		return nil
	case "rude.twice":
		return errors.Join(stream.Send(done), stream.Send(done))
	case "rude.shout":
		for range shouts {
			if err := stream.Send(&pb.RunEvent{Event: &pb.RunEvent_Log{Log: &pb.Log{Level: "panic", Text: long}}}); err != nil {
				return err
			}
		}
	case "rude.essay":
		done.GetOutcome().Failure = &pb.Failure{Class: "invalid", Reason: long}
	case "rude.sign":
		done.GetOutcome().Left = long
	}
	return stream.Send(done)
}

func rudeHost(t *testing.T) *Host {
	t.Helper()
	return started(t, Config{Specs: []Spec{builtin("rude")}})
}

func TestOutcomeIsToldExactlyOnce(t *testing.T) {
	for action, want := range map[string]string{
		"rude.twice": "went on after its outcome", "rude.silent": "ended without an outcome",
	} {
		t.Run(action, func(t *testing.T) {
			o := rudeHost(t).Run(inTime(t), Call{ID: "1", Action: action}, nil)
			wantFailure(t, o, plugins.Internal, plugins.Unknown)
			if !strings.Contains(o.Failure.Reason, want) {
				t.Errorf("reason %q; want %q", o.Failure.Reason, want)
			}
		})
	}
}

// What people read and what is recorded has an end, whatever a plugin says.
func TestLongTextsAreCut(t *testing.T) {
	h := rudeHost(t)
	sink := newRecorder()
	if o := h.Run(inTime(t), Call{ID: "1", Action: "rude.shout"}, sink); o.Failure != nil {
		t.Fatal(o.Failure)
	}
	reports := sink.all()
	if len(reports) != shouts {
		t.Fatalf("%d reports arrived, want %d", len(reports), shouts)
	}
	if last := reports[shouts-1]; len(last) > maxText+100 || !strings.Contains(last, "bytes more") {
		t.Errorf("a report of %d bytes was passed on; it ends with %q", len(last), last[max(0, len(last)-40):])
	}
	if level := sink.level(); level != "info" {
		t.Errorf("a level that nobody knows is passed on as %q", level)
	}
	o := h.Run(inTime(t), Call{ID: "2", Action: "rude.essay"}, nil)
	wantFailure(t, o, plugins.Invalid, plugins.All)
	if len(o.Failure.Reason) > maxText+100 {
		t.Errorf("a reason of %d bytes was kept", len(o.Failure.Reason))
	}
	o = h.Run(inTime(t), Call{ID: "3", Action: "rude.sign"}, nil)
	wantFailure(t, o, plugins.Invalid, plugins.All)
	if o.Left != "" {
		t.Errorf("a fingerprint of %d bytes was kept", len(o.Left))
	}
	plan, err := h.Plan(inTime(t), Call{ID: "4", Action: "rude.shout"})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Detail) > maxOutput+100 {
		t.Errorf("a plan with a detail of %d bytes was kept", len(plan.Detail))
	}
	if _, err := h.Plan(inTime(t), Call{ID: "5", Action: "rude.sign"}); err == nil || !strings.Contains(err.Error(), "fingerprint") {
		t.Errorf("a plan with a fingerprint of 1 MiB: %v", err)
	}
}
