package engine

import (
	"encoding/json"
	"time"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// vars is what expressions may read now. result is the answer of the read
// just made, of a guard, a verify or a wait.
func (r *Run) vars(result any) expr.Vars {
	steps := map[string]any{}
	for _, s := range r.Book.All() {
		if s.ID == "" {
			continue
		}
		st := r.step(s.Path)
		steps[s.ID] = map[string]any{
			"status":  string(r.StatusOf(s.Path)),
			"effect":  string(st.Effect),
			"outputs": decode(s.OutputType(), st.Outputs),
		}
	}
	vars := map[string]any{}
	for name, raw := range r.Vars {
		vars[name] = untyped(raw)
	}
	return expr.Vars{
		"inputs": r.inputs(),
		"alert":  untyped(r.Facts.Alert),
		"run":    r.runVars(),
		"vars":   vars,
		"steps":  steps,
		"result": result,
		"item":   nil,
	}
}

func (r *Run) inputs() map[string]any {
	in := map[string]any{}
	for _, decl := range r.Book.Inputs {
		in[decl.Name] = decl.Default
		raw, ok := r.Facts.Inputs[decl.Name]
		if !ok {
			continue
		}
		v, err := decl.Type.Decode(raw)
		if err == nil {
			in[decl.Name] = v
		}
	}
	return in
}

func (r *Run) runVars() map[string]any {
	m := map[string]any{
		"id":         r.Facts.ID,
		"requester":  r.Facts.Requester.Name,
		"started_at": r.StartedAt.UTC().Format(time.RFC3339),
		"failure":    nil,
	}
	if f := r.Failed; f != nil {
		m["failure"] = map[string]any{
			"step": f.Step, "class": f.Class, "reason": f.Reason, "effect": string(f.Effect),
		}
	}
	return m
}

// decode turns the outputs of a step or a read into values of their types. Outputs that
// do not fit their schema were refused before they were recorded; should a
// newer schema no longer fit, they are read without types.
func decode(typ *expr.Type, raw json.RawMessage) any {
	if len(raw) == 0 {
		return nil
	}
	if typ != nil {
		if v, err := typ.Decode(raw); err == nil {
			return v
		}
	}
	return untyped(raw)
}

func untyped(raw json.RawMessage) any {
	if len(raw) == 0 {
		return nil
	}
	v, err := expr.Any().Decode(raw)
	if err != nil {
		return nil
	}
	return v
}
