package host

import (
	"context"
	"encoding/json"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/firebreak-ops/firebreak/plugins"
	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

// maxInput bounds the input of a call, and the receipt it undoes, in bytes.
const maxInput = 4 << 20

// Call is one invocation of an action on behalf of a service.
type Call struct {
	ID      string // stable: the same id means the same call
	Service string // not used by the actions of a tool
	Action  string // capability.verb, or plugin.verb of a tool
	Input   json.RawMessage
	Expect  string          // fingerprint that the target must have; empty: no expectation
	Receipt json.RawMessage // set when this call undoes an earlier one; Input is empty then
	Origin  plugins.Origin  // of a change that is made or undone: on whose word
}

// target is what serves a call: an action of a process, on a binding.
type target struct {
	process  *process
	action   *action
	key      BindingKey
	resource string
}

// find resolves an action of a service to the process that serves it, which
// it starts and waits for. Errors are *plugins.Failure.
func (h *Host) find(ctx context.Context, service, name string) (*target, error) {
	prefix, _, _ := strings.Cut(name, ".")
	key := BindingKey{Service: service, Capability: prefix}
	section, ok := h.sections[key.section()]
	if !ok {
		if _, tool := h.specs[prefix]; !tool {
			return nil, plugins.Fail(plugins.Invalid, "%s: service %q has no section %q, and no plugin has that name", name, service, prefix)
		}
		key = BindingKey{Tool: prefix}
		section = h.section(key)
	}
	p, err := h.process(ctx, section.Plugin)
	if err != nil {
		return nil, err
	}
	a := p.actions[name]
	if a == nil {
		return nil, plugins.Fail(plugins.Invalid, "plugin %s has no action %s", section.Plugin, name)
	}
	key.Access = access(a.Effect)
	return &target{process: p, action: a, key: key}, nil
}

// aim is find, with the call checked and the binding open.
func (h *Host) aim(ctx context.Context, call Call) (*target, error) {
	t, err := h.find(ctx, call.Service, call.Action)
	if err != nil {
		return nil, err
	}
	if err := t.check(call); err != nil {
		return nil, err
	}
	t.resource, err = h.bind(ctx, t.process, t.key)
	return t, err
}

func (t *target) check(call Call) error {
	if len(call.Input) > maxInput || len(call.Receipt) > maxInput {
		return plugins.Fail(plugins.Invalid, "%s: the input is larger than %d bytes", call.Action, maxInput)
	}
	if len(call.Receipt) > 0 {
		if !json.Valid(call.Receipt) {
			return plugins.Fail(plugins.Invalid, "%s: the receipt is not JSON", call.Action)
		}
		return nil
	}
	if err := t.action.input.check(call.Input); err != nil {
		return plugins.Fail(plugins.Invalid, "the input of %s: %v", call.Action, err)
	}
	return nil
}

func (t *target) call(ctx context.Context, call Call) *pb.Call {
	out := &pb.Call{
		Id: call.ID, Binding: t.key.String(), Action: call.Action,
		Input: call.Input, Expect: call.Expect, Receipt: call.Receipt,
		Run: call.Origin.Run, RequestedBy: call.Origin.RequestedBy, ApprovedBy: call.Origin.ApprovedBy,
	}
	if deadline, ok := ctx.Deadline(); ok {
		out.Deadline = timestamppb.New(deadline)
	}
	return out
}
