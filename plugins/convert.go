package plugins

import (
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

func effectToProto(e Effect) pb.Effect {
	switch e {
	case Read:
		return pb.Effect_EFFECT_READ
	case Mutate:
		return pb.Effect_EFFECT_MUTATE
	case Irreversible:
		return pb.Effect_EFFECT_IRREVERSIBLE
	}
	return pb.Effect_EFFECT_UNSPECIFIED
}

func effectFromProto(e pb.Effect) Effect {
	switch e {
	case pb.Effect_EFFECT_MUTATE:
		return Mutate
	case pb.Effect_EFFECT_IRREVERSIBLE:
		return Irreversible
	case pb.Effect_EFFECT_UNSPECIFIED, pb.Effect_EFFECT_READ:
	}
	return Read // the access of a binding; the weaker one when it is not said
}

func appliedToProto(a Applied) pb.Applied {
	switch a {
	case None:
		return pb.Applied_APPLIED_NONE
	case All:
		return pb.Applied_APPLIED_ALL
	case Partial:
		return pb.Applied_APPLIED_PARTIAL
	case Unknown:
		return pb.Applied_APPLIED_UNKNOWN
	}
	return pb.Applied_APPLIED_UNSPECIFIED
}

func describeToProto(d Description) (*pb.DescribeResponse, error) {
	config, err := json.Marshal(d.Config)
	if err != nil {
		return nil, fmt.Errorf("describe %s: the schemas of its configuration: %w", d.Name, err)
	}
	out := &pb.DescribeResponse{Name: d.Name, Version: d.Version, ConfigSchema: config}
	for _, a := range d.Actions {
		out.Actions = append(out.Actions, &pb.Action{
			Name: a.Name, Effect: effectToProto(a.Effect), InputSchema: a.Input, OutputSchema: a.Output,
			Undo: a.Undo, Idempotent: a.Idempotent, Probe: a.Probe, SettlesIn: durationpb.New(a.SettlesIn),
			NoPrecondition: a.NoPrecondition, Doc: a.Doc,
		})
	}
	return out, nil
}

func bindingFromProto(req *pb.BindRequest) Binding {
	return Binding{
		Service: req.GetService(), Capability: req.GetCapability(),
		Access: effectFromProto(req.GetAccess()), Config: req.GetConfig(),
	}
}

func callFromProto(c *pb.Call) Call {
	call := Call{
		ID: c.GetId(), Action: c.GetAction(), Input: c.GetInput(),
		Expect: c.GetExpect(), Receipt: c.GetReceipt(),
		Origin: Origin{Run: c.GetRun(), RequestedBy: c.GetRequestedBy(), ApprovedBy: c.GetApprovedBy()},
	}
	if c.GetDeadline() != nil {
		call.Deadline = c.GetDeadline().AsTime()
	}
	return call
}

func failureToProto(f *Failure) *pb.Failure {
	if f == nil {
		return nil
	}
	return &pb.Failure{Class: valid(f.Class), Reason: validText(f.Reason)}
}

func planToProto(p Plan, failure *Failure) *pb.PlanResponse {
	return &pb.PlanResponse{
		Binding: p.Binding, Detail: valid(p.Detail), Fingerprint: valid(p.Fingerprint), Undo: p.Undo, Resource: valid(p.Resource),
		BlastRadius: &pb.BlastRadius{Unit: valid(p.BlastRadius.Unit), Affected: int64(p.BlastRadius.Affected), Total: int64(p.BlastRadius.Total)},
		Failure:     failureToProto(failure),
	}
}

func outcomeToProto(o Outcome) *pb.RunEvent {
	return &pb.RunEvent{Event: &pb.RunEvent_Outcome{Outcome: &pb.Outcome{
		Failure: failureToProto(o.Failure), Applied: appliedToProto(o.Applied),
		Outputs: o.Outputs, Receipt: o.Receipt, Left: valid(o.Left),
	}}}
}

func probedToProto(p Probed) *pb.ProbeResponse {
	return &pb.ProbeResponse{
		Applied: appliedToProto(p.Applied), Outputs: p.Outputs, Receipt: p.Receipt, Left: valid(p.Left), Reason: validText(p.Reason),
	}
}

// validText makes text fit for the wire: UTF-8, and no longer than maxText.
func validText(text string) string {
	if len(text) > maxText {
		text = text[:maxText] + "…"
	}
	return valid(text)
}

// valid is text as UTF-8: the wire takes nothing else, and a message that it
// refused would take an outcome and its receipt with it.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
