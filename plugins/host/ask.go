package host

import (
	"context"

	"github.com/firebreak-ops/firebreak/plugins"
	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

// Describe says what a plugin offers, in its own words. It starts the plugin
// and waits for it. Errors are *plugins.Failure.
func (h *Host) Describe(ctx context.Context, plugin string) (plugins.Description, error) {
	if err := h.enter(); err != nil {
		return plugins.Description{}, err
	}
	defer h.leave()
	p, err := h.process(ctx, plugin)
	if err != nil {
		return plugins.Description{}, err
	}
	return p.description, nil
}

// Resolve says what an action is for a service: its contract made stronger
// by what the plugin behind it says, and the binding that it is called on.
// It starts the plugin and waits for it. Errors are *plugins.Failure.
func (h *Host) Resolve(ctx context.Context, service, name string) (plugins.Action, BindingKey, error) {
	if err := h.enter(); err != nil {
		return plugins.Action{}, BindingKey{}, err
	}
	defer h.leave()
	t, err := h.find(ctx, service, name)
	if err != nil {
		return plugins.Action{}, BindingKey{}, err
	}
	return t.action.Action, t.key, nil
}

// Identity is what a binding acts on, such as postgres:host:port/db; empty
// for a tool whose calls name it. It opens the binding. Errors are
// *plugins.Failure.
func (h *Host) Identity(ctx context.Context, key BindingKey) (string, error) {
	if err := h.enter(); err != nil {
		return "", err
	}
	defer h.leave()
	return h.identity(ctx, key)
}

func (h *Host) identity(ctx context.Context, key BindingKey) (string, error) {
	section := h.section(key)
	if h.Served(section.Plugin) == "" { // what is missing is said before it starts, however long that takes
		if _, _, err := ResolveSecrets(section.Config, key.Access); err != nil {
			err = h.unreadable(section, err)
			h.remember(section.Plugin, key, err)
			return "", err
		}
	}
	p, err := h.opener(ctx, key)
	if err != nil {
		return "", err
	}
	return h.bind(ctx, p, key)
}

// Health is nil when what is bound can be reached. Errors are
// *plugins.Failure.
func (h *Host) Health(ctx context.Context, key BindingKey) error {
	if err := h.enter(); err != nil {
		return err
	}
	defer h.leave()
	p, err := h.opener(ctx, key)
	if err != nil {
		return err
	}
	if _, err := h.bind(ctx, p, key); err != nil {
		return err
	}
	reply, err := p.rpc.Health(ctx, &pb.HealthRequest{Binding: key.String()})
	if err != nil {
		return h.broken(p, "Health", err)
	}
	if !reply.GetOk() {
		return plugins.Fail(plugins.Unavailable, "%s: %s", h.section(key), h.masks.say(reply.GetText()))
	}
	return nil
}

// opener waits for the process that serves key.
func (h *Host) opener(ctx context.Context, key BindingKey) (*process, error) {
	section := h.section(key)
	if section.Plugin == "" {
		return nil, plugins.Fail(plugins.Invalid, "service %q has no section %q", key.Service, key.Capability)
	}
	return h.process(ctx, section.Plugin)
}
