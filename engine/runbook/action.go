package runbook

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// Effect says what an action may do to the world.
type Effect string

// The effects, weakest first.
const (
	EffectRead         Effect = "read"
	EffectMutate       Effect = "mutate"
	EffectIrreversible Effect = "irreversible"
)

// Action is what the language and the engine must know of an action.
type Action struct {
	Name           string // capability.verb
	Effect         Effect
	Capability     string // the part before the dot; empty for a tool, which needs no service
	Input          *expr.Type
	Output         *expr.Type
	Undo           string // name of the action that takes its receipt
	Idempotent     bool
	Probe          bool
	NoPrecondition bool
	SettlesIn      time.Duration
	Doc            string
}

// Catalog holds every action that a runbook may name, by name.
type Catalog map[string]*Action

// capabilities are the contracts that a service binds; an action of another
// name belongs to a tool.
var capabilities = []string{"metrics", "database", "pooler", "settings", "workload", "backlog"}

// NewAction describes an action from its JSON Schemas. The caller may set the
// fields beyond these before the action is shared.
func NewAction(name, effect string, input, output []byte) (*Action, error) {
	a := &Action{Name: name, Effect: Effect(effect)}
	if !slices.Contains([]Effect{EffectRead, EffectMutate, EffectIrreversible}, a.Effect) {
		return nil, fmt.Errorf("action %s: unknown effect %q", name, effect)
	}
	prefix, verb, ok := strings.Cut(name, ".")
	if !ok || prefix == "" || verb == "" {
		return nil, fmt.Errorf("action %q: its name must be CAPABILITY.VERB or TOOL.VERB", name)
	}
	if slices.Contains(capabilities, prefix) {
		a.Capability = prefix
	}
	var err error
	if a.Input, err = expr.ParseSchema(input); err != nil {
		return nil, fmt.Errorf("action %s: input: %w", name, err)
	}
	if a.Output, err = expr.ParseSchema(output); err != nil {
		return nil, fmt.Errorf("action %s: output: %w", name, err)
	}
	return a, nil
}
