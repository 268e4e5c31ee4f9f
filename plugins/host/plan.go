package host

import (
	"context"

	"github.com/firebreak-ops/firebreak/plugins"
	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

// Plan says exactly what a mutating action would do. The binding it returns
// is canonical, and its resource is the binding's when the plugin names none
// that is narrower. Errors are *plugins.Failure.
func (h *Host) Plan(ctx context.Context, call Call) (plugins.Plan, error) {
	if err := h.enter(); err != nil {
		return plugins.Plan{}, err
	}
	defer h.leave()
	t, err := h.aim(ctx, call)
	if err != nil {
		return plugins.Plan{}, err
	}
	if !t.action.mutates() {
		return plugins.Plan{}, plugins.Fail(plugins.Invalid, "%s changes nothing: there is nothing to plan", call.Action)
	}
	reply, err := t.process.rpc.Plan(ctx, &pb.PlanRequest{Call: t.call(ctx, call)})
	if err != nil {
		return plugins.Plan{}, h.broken(t.process, "the plan of "+call.Action, err)
	}
	if failure := failureFromProto(reply.GetFailure()); failure != nil {
		return plugins.Plan{}, h.tidy(failure)
	}
	return h.sound(t, planFromProto(reply))
}

// sound makes a plan fit to be shown, approved and recorded.
func (h *Host) sound(t *target, plan plugins.Plan) (plugins.Plan, error) {
	invalid := func(problem string) (plugins.Plan, error) {
		return plugins.Plan{}, plugins.Fail(plugins.Invalid, "the plan of %s: %s", t.action.Name, problem)
	}
	canonical, err := plugins.Canonical(plan.Binding)
	if err != nil {
		return invalid("its binding: " + err.Error())
	}
	plan.Binding = canonical
	if problem := h.unfit(plan.Binding); problem != "" {
		return invalid("its binding: " + problem)
	}
	if problem := h.unfit(plan.Undo); problem != "" {
		return invalid("what it would take to undo: " + problem)
	}
	if plan.Fingerprint == "" && !t.action.NoPrecondition {
		return invalid("it has no fingerprint, and the action does not say that it has no precondition")
	}
	if problem := h.misnamed(plan.Fingerprint); problem != "" {
		return invalid("its fingerprint: " + problem)
	}
	if problem := h.misnamed(plan.Resource); problem != "" {
		return invalid("its resource: " + problem)
	}
	if plan.Resource == "" {
		plan.Resource = t.resource
	}
	plan.Detail = shortened(h.masks.text(plan.Detail), maxOutput)
	plan.BlastRadius.Unit = h.masks.say(plan.BlastRadius.Unit)
	return plan, nil
}

// Probe finds out whether a call whose outcome was lost took effect. undo is
// what its plan returned. Applied unknown, with the reason, is the answer
// whenever nobody can tell.
func (h *Host) Probe(ctx context.Context, call Call, undo []byte) plugins.Probed {
	if err := h.enter(); err != nil {
		return untold(err)
	}
	defer h.leave()
	t, err := h.aim(ctx, call)
	if err != nil {
		return untold(err)
	}
	if !t.action.Probe {
		return untold(plugins.Fail(plugins.Invalid, "plugin %s cannot tell whether a lost %s took effect", t.process.name, call.Action))
	}
	reply, err := t.process.rpc.Probe(ctx, &pb.ProbeRequest{Call: t.call(ctx, call), Undo: undo})
	if err != nil {
		return untold(h.broken(t.process, "the probe of "+call.Action, err))
	}
	probed := probedFromProto(reply)
	probed.Reason = h.masks.say(probed.Reason)
	if probed.Applied == "" {
		probed.Applied = plugins.Unknown
	}
	if problem := h.unfit(probed.Outputs); problem != "" {
		probed.Outputs = nil
		probed.Reason += "; its outputs are dropped: " + problem
	}
	if problem := h.unfit(probed.Receipt); problem != "" {
		probed.Receipt = nil
		probed.Reason += "; its receipt is dropped: " + problem
	}
	if problem := h.misnamed(probed.Left); problem != "" {
		probed.Left = ""
		probed.Reason += "; the fingerprint is dropped: " + problem
	}
	return probed
}

func untold(err error) plugins.Probed {
	return plugins.Probed{Applied: plugins.Unknown, Reason: err.Error()}
}
