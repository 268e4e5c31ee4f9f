package kubernetes

import (
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// settings is the ConfigMap of a service. Its fields do not change.
type settings struct {
	*cluster

	name       string
	deployment string // may be empty
	access     plugins.Effect
}

func bindSettings(b plugins.Binding) (plugins.Bound, error) {
	cfg, err := decode[settingsConfig](b)
	if err != nil {
		return nil, err
	}
	if err := cfg.check(); err != nil {
		return nil, plugins.Fail(plugins.Invalid, "%v", err)
	}
	c, err := connect(cfg.access, b.Access)
	if err != nil {
		return nil, err
	}
	return &settings{cluster: c, name: cfg.ConfigMap, deployment: cfg.Deployment, access: b.Access}, nil
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
	return &capability.CurrentOutput{
		Observed: observed(s.Resource()), Setting: in.Setting, Value: valueOf(at.Data, in.Setting), Revision: at.ResourceVersion,
	}, nil
}

// jsonNumber is what readers of every kind agree on. Other spellings (012,
// 1_000) are text.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// valueOf reads a setting; null when it is not there. A ConfigMap holds
// nothing but text, so that what reads as a number or a boolean is one.
func valueOf(data map[string]string, setting string) capability.Scalar {
	text, ok := data[setting]
	if !ok {
		return capability.Scalar{}
	}
	return typed(text)
}

func typed(text string) capability.Scalar {
	if v, err := strconv.ParseBool(text); err == nil && len(text) > 1 && text == strings.ToLower(text) {
		return scalar(v)
	}
	if jsonNumber.MatchString(text) {
		var v capability.Scalar
		// Only what is written back as it was read: 1.50 stays text.
		if json.Unmarshal([]byte(text), &v) == nil && v.String() == text {
			return v
		}
	}
	return scalar(text)
}

// scalar wraps a value of a type that is one.
func scalar(v any) capability.Scalar {
	s, _ := capability.ScalarOf(v)
	return s
}

// normal is a value as it would be read back.
func normal(v capability.Scalar) capability.Scalar {
	if v.IsNull() {
		return v
	}
	return typed(v.String())
}

// with is data with one setting changed; null takes it out.
func with(data map[string]string, setting string, v capability.Scalar) map[string]string {
	out := maps.Clone(data)
	if out == nil {
		out = map[string]string{}
	}
	if v.IsNull() {
		delete(out, setting)
	} else {
		out[setting] = v.String()
	}
	return out
}

// keys are the settings that stand in either, sorted.
func keys(a, b map[string]string) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

func isImmutable(c *corev1.ConfigMap) bool { return c.Immutable != nil && *c.Immutable }
