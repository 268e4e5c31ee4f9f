package host

import (
	"encoding/json"
	"fmt"

	"github.com/firebreak-ops/firebreak/plugins"
	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

func effectToProto(e plugins.Effect) pb.Effect {
	if e == plugins.Read {
		return pb.Effect_EFFECT_READ
	}
	return pb.Effect_EFFECT_MUTATE
}

func effectFromProto(e pb.Effect) plugins.Effect {
	switch e {
	case pb.Effect_EFFECT_READ:
		return plugins.Read
	case pb.Effect_EFFECT_MUTATE:
		return plugins.Mutate
	case pb.Effect_EFFECT_IRREVERSIBLE:
		return plugins.Irreversible
	case pb.Effect_EFFECT_UNSPECIFIED:
	}
	return ""
}

func appliedFromProto(a pb.Applied) plugins.Applied {
	switch a {
	case pb.Applied_APPLIED_NONE:
		return plugins.None
	case pb.Applied_APPLIED_ALL:
		return plugins.All
	case pb.Applied_APPLIED_PARTIAL:
		return plugins.Partial
	case pb.Applied_APPLIED_UNKNOWN:
		return plugins.Unknown
	case pb.Applied_APPLIED_UNSPECIFIED:
	}
	return ""
}

func descriptionFromProto(d *pb.DescribeResponse) (plugins.Description, error) {
	out := plugins.Description{Name: d.GetName(), Version: d.GetVersion()}
	if raw := d.GetConfigSchema(); len(raw) > 0 {
		if err := json.Unmarshal(raw, &out.Config); err != nil {
			return out, fmt.Errorf("the schemas of its configuration are not JSON by capability: %w", err)
		}
	}
	for _, a := range d.GetActions() {
		out.Actions = append(out.Actions, plugins.Action{
			Name: a.GetName(), Effect: effectFromProto(a.GetEffect()), Input: a.GetInputSchema(), Output: a.GetOutputSchema(),
			Undo: a.GetUndo(), Idempotent: a.GetIdempotent(), Probe: a.GetProbe(), SettlesIn: a.GetSettlesIn().AsDuration(),
			NoPrecondition: a.GetNoPrecondition(), Doc: a.GetDoc(),
		})
	}
	return out, nil
}

func failureFromProto(f *pb.Failure) *plugins.Failure {
	if f == nil {
		return nil
	}
	return &plugins.Failure{Class: f.GetClass(), Reason: f.GetReason()}
}

func planFromProto(p *pb.PlanResponse) plugins.Plan {
	radius := p.GetBlastRadius()
	return plugins.Plan{
		Binding: p.GetBinding(), Detail: p.GetDetail(), Fingerprint: p.GetFingerprint(), Undo: p.GetUndo(), Resource: p.GetResource(),
		BlastRadius: plugins.BlastRadius{Unit: radius.GetUnit(), Affected: int(radius.GetAffected()), Total: int(radius.GetTotal())},
	}
}

func outcomeFromProto(o *pb.Outcome) plugins.Outcome {
	return plugins.Outcome{
		Failure: failureFromProto(o.GetFailure()), Applied: appliedFromProto(o.GetApplied()),
		Outputs: o.GetOutputs(), Receipt: o.GetReceipt(), Left: o.GetLeft(),
	}
}

func probedFromProto(p *pb.ProbeResponse) plugins.Probed {
	return plugins.Probed{
		Applied: appliedFromProto(p.GetApplied()), Outputs: p.GetOutputs(), Receipt: p.GetReceipt(), Left: p.GetLeft(), Reason: p.GetReason(),
	}
}
