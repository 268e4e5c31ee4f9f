package kubernetes

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// settings is the ConfigMap of a service. Its fields do not change.
type settings struct {
	*cluster

	name   string
	place  place
	ref    ref // what runs them; its name may be empty
	access plugins.Effect
}

func bindSettings(b plugins.Binding, account string) (plugins.Bound, error) {
	cfg, err := decode[settingsConfig](b)
	if err != nil {
		return nil, err
	}
	of, err := cfg.check()
	if err != nil {
		return nil, plugins.Fail(plugins.Invalid, "%v", err)
	}
	c, err := connect(cfg.access, b.Access, account)
	if err != nil {
		return nil, err
	}
	return &settings{cluster: c, name: cfg.ConfigMap, place: place(cfg.Key), ref: of, access: b.Access}, nil
}

func (s *settings) Resource() string { return s.resource("configmap", s.name) }

func (s *settings) Health(ctx context.Context) error {
	_, err := s.current(ctx)
	return err
}

func (s *settings) Close() error { return nil }

func (s *settings) Run(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	ctx, cancel := within(ctx, call)
	defer cancel()
	switch call.Action {
	case "settings.changes":
		return read(s.changes(ctx, call))
	case "settings.current":
		return read(s.value(ctx, call))
	default:
		return s.write(ctx, call, to)
	}
}

func (s *settings) value(ctx context.Context, call plugins.Call) (*capability.CurrentOutput, error) {
	in, err := capability.Input[capability.CurrentInput](call.Action, call.Input)
	if err != nil {
		return nil, err
	}
	at, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	v, err := s.place.value(at.Data, in.Setting)
	if err != nil {
		return nil, err
	}
	return &capability.CurrentOutput{
		Observed: observed(s.Resource()), Setting: in.Setting, Value: v, Revision: at.ResourceVersion,
	}, nil
}

func isImmutable(c *corev1.ConfigMap) bool { return c.Immutable != nil && *c.Immutable }
