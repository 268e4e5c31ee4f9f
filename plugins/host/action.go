package host

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/plugins"
)

// action is one that a plugin serves, as it counts: its contract made
// stronger by what the plugin says, schemas ready to check.
type action struct {
	plugins.Action
	input, output *schema
}

func (a *action) mutates() bool { return a.Effect != plugins.Read }

var effects = []plugins.Effect{plugins.Read, plugins.Mutate, plugins.Irreversible}

// accept checks what a plugin says of itself. An action is one of a
// contract, or of the plugin's own name: nobody speaks for another tool.
func accept(spec Spec, d plugins.Description, contracts map[string]plugins.Action) (map[string]*action, error) {
	if d.Name != spec.Name {
		return nil, fmt.Errorf("the executable says that it is plugin %q; configure it under that name", d.Name)
	}
	actions := map[string]*action{}
	var problems []error
	for _, own := range d.Actions {
		contract, known := contracts[own.Name]
		if prefix, verb, _ := strings.Cut(own.Name, "."); !known && (prefix != spec.Name || verb == "") {
			problems = append(problems, fmt.Errorf("action %q is no contract's, and not of the form %s.verb", own.Name, spec.Name))
			continue
		}
		if known && slices.Index(effects, own.Effect) < slices.Index(effects, contract.Effect) {
			problems = append(problems, fmt.Errorf("action %s: its effect is %q, weaker than the contract's %q", own.Name, own.Effect, contract.Effect))
			continue
		}
		if known {
			own = stronger(contract, own)
		}
		ready, err := prepare(own)
		if err != nil {
			problems = append(problems, fmt.Errorf("action %s: %w", own.Name, err))
			continue
		}
		if actions[own.Name] != nil {
			problems = append(problems, fmt.Errorf("action %s is described twice", own.Name))
		}
		actions[own.Name] = ready
	}
	return actions, errors.Join(problems...)
}

// stronger is the contract with the plugin's own claims, where those promise
// no more than the contract does: what is not idempotent by contract does
// not become so by being called it.
func stronger(contract, own plugins.Action) plugins.Action {
	merged := contract
	merged.Effect = own.Effect
	merged.Idempotent = contract.Idempotent && own.Idempotent
	merged.Probe = own.Probe
	merged.SettlesIn = max(contract.SettlesIn, own.SettlesIn)
	merged.NoPrecondition = contract.NoPrecondition || own.NoPrecondition
	if own.Doc != "" {
		merged.Doc = own.Doc
	}
	return merged
}

// claims checks what an action says of itself but for its schemas, which take
// a millisecond each to read.
func claims(a plugins.Action) error {
	if !slices.Contains(effects, a.Effect) {
		return errors.New("it has no effect; say read, mutate or irreversible")
	}
	if a.SettlesIn < 0 {
		return fmt.Errorf("it settles in %s, which is in the past", a.SettlesIn)
	}
	return nil
}

func prepare(a plugins.Action) (*action, error) {
	if err := claims(a); err != nil {
		return nil, err
	}
	input, err := compile(a.Input)
	if err != nil {
		return nil, fmt.Errorf("its input: %w", err)
	}
	output, err := compile(a.Output)
	if err != nil {
		return nil, fmt.Errorf("its outputs: %w", err)
	}
	return &action{Action: a, input: input, output: output}, nil
}
