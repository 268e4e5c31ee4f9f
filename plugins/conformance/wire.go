package conformance

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/host"
	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

// wired is a process of the plugin with one section bound, spoken to
// directly: for rules that a host would enforce by itself.
type wired struct {
	client  pb.PluginClient
	binding string
}

func (s *suite) wire(ctx context.Context, t T, section host.Section, access plugins.Effect) wired {
	t.Helper()
	client, end, err := host.Connect(ctx, s.spec, s.config(t, nil))
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(end)
	config, _, err := host.ResolveSecrets(section.Config, access)
	if err != nil {
		t.Fatalf("%v", err)
	}
	effect := pb.Effect_EFFECT_READ
	if access != plugins.Read {
		effect = pb.Effect_EFFECT_MUTATE
	}
	id := key(section, access).String()
	reply, err := client.Bind(ctx, &pb.BindRequest{Id: id, Service: section.Service, Capability: section.Capability, Access: effect, Config: config})
	if err != nil {
		t.Fatalf("%v", err)
	}
	if len(reply.GetProblems()) > 0 {
		t.Fatalf("it does not bind: %s", strings.Join(reply.GetProblems(), "; "))
	}
	return wired{client: client, binding: id}
}

// run returns the outcome of a call, which must be the one and last event.
func (w wired) run(ctx context.Context, t T, call *pb.Call) *pb.Outcome {
	t.Helper()
	stream, err := w.client.Run(ctx, &pb.RunRequest{Call: call})
	if err != nil {
		t.Fatalf("%v", err)
	}
	var outcome *pb.Outcome
	for {
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v", err)
		}
		if outcome != nil {
			t.Fatalf("after its outcome the plugin sent %v", event)
		}
		outcome = event.GetOutcome()
	}
	if outcome == nil {
		t.Fatalf("the call ended without an outcome")
	}
	return outcome
}

// unknownAction: what the plugin does not offer is refused, and changes nothing.
func (s *suite) unknownAction(t T, section host.Section) {
	ctx := patient(t)
	w := s.wire(ctx, t, section, plugins.Read)
	call := &pb.Call{Id: "unknown", Binding: w.binding, Action: s.spec.Name + ".no_such_action", Input: []byte(`{}`)}
	outcome := w.run(ctx, t, call)
	if outcome.GetFailure().GetClass() != plugins.Invalid || outcome.GetApplied() != pb.Applied_APPLIED_NONE {
		t.Errorf("run: %v; want class invalid, applied none", outcome)
	}
	plan, err := w.client.Plan(ctx, &pb.PlanRequest{Call: call})
	if err != nil {
		t.Fatalf("%v", err)
	}
	if plan.GetFailure().GetClass() != plugins.Invalid {
		t.Errorf("plan: %v; want class invalid", plan)
	}
}
