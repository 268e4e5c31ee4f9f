package engine

import (
	"encoding/json"
	"maps"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// ahead is the decider with the variables that are set behind a mutation's gate
// before its turn, on every path: people are shown what it will be given then.
func (d *decider) ahead(m *runbook.Step) *decider {
	if !readsVars(m) {
		return d
	}
	around := map[*runbook.Frame]bool{}
	for f := m.Frame; f != nil; f = f.Outer {
		around[f] = true
	}
	gate, before, later := m.Gate(), true, *d
	later.run.Vars = map[string]json.RawMessage{}
	maps.Copy(later.run.Vars, d.run.Vars)
	runbook.Walk(gate.Steps, func(s *runbook.Step) {
		before = before && s != m
		if !before || !around[s.Frame] || s.Kind != runbook.KindSet || d.run.step(s.Path).Done() || mayBePassed(s, gate) {
			return
		}
		for _, a := range s.Set {
			if raw, err := later.value(s.Frame, a.Value); err == nil {
				later.run.Vars[variableKey(s.Frame, a.Name)] = raw
			}
		}
	})
	return &later
}

// readsVars reports whether what a mutation or its undo is given may read
// variables, through what its runbook is called with, too.
func readsVars(m *runbook.Step) bool {
	values := []*expr.Value{m.With}
	if m.Undo != nil {
		values = append(values, m.Undo.With)
	}
	for _, v := range values {
		for _, program := range v.Programs() {
			for _, name := range program.Names() {
				if name[0] == "vars" || name[0] == "inputs" {
					return true
				}
			}
		}
	}
	return false
}

// mayBePassed reports whether a step behind a gate may be passed over.
func mayBePassed(s, gate *runbook.Step) bool {
	for at := s; at != gate; at = at.Parent {
		if at.If != nil || at.GateMaySkip() {
			return true
		}
	}
	return false
}
