package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// vars is what expressions of a frame may read now. result is the answer of
// the read just made, of a guard, a verify or a wait.
func (r *Run) vars(frame *runbook.Frame, result any) expr.Vars {
	steps, vars := map[string]any{}, map[string]any{}
	var item any
	around := frame.Around()
	for _, f := range slices.Backward(around) { // what is nearer hides what is farther
		for id, s := range f.IDs() {
			st := r.step(s.Path)
			steps[id] = map[string]any{
				"status":  string(r.StatusOf(s.Path)),
				"effect":  string(st.Effect),
				"outputs": st.value,
			}
		}
		if f.Each != nil {
			item = decode(f.Each.Item, f.Item)
		}
		for key, raw := range r.Vars {
			if at, name := variable(key); at == f.Path {
				vars[name] = untyped(raw)
			}
		}
	}
	return expr.Vars{
		"inputs": r.inputs(around[len(around)-1]),
		"alert":  untyped(r.Facts.Alert),
		"run":    r.runVars(),
		"vars":   vars,
		"steps":  steps,
		"result": result,
		"item":   item,
	}
}

// variableKey names a variable of a frame among those of the run; variable is
// the way back.
func variableKey(f *runbook.Frame, name string) string {
	if f == nil || f.Path == "" { // who follows a run may not have its runbook
		return name
	}
	return f.Path + "/" + name
}

func variable(key string) (frame, name string) {
	i := strings.LastIndexByte(key, '/')
	if i < 0 {
		return "", key
	}
	return key[:i], key[i+1:]
}

// inputs are those of the runbook whose frame it is: of one that is called
// what it was given, or would be given now.
func (r *Run) inputs(frame *runbook.Frame) map[string]any {
	given := r.Facts.Inputs
	if frame.Call != nil {
		var called bool
		if given, called = r.Called[frame.Path]; !called {
			given, _ = r.given(frame)
		}
	}
	in := map[string]any{}
	for _, decl := range frame.Inputs {
		in[decl.Name] = decl.Default
		raw, ok := given[decl.Name]
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

// given is what the runbook of a frame would be called with now.
func (r *Run) given(frame *runbook.Frame) (map[string]json.RawMessage, error) {
	given := map[string]json.RawMessage{}
	v, err := frame.Call.With.Eval(r.vars(frame.Outer, nil))
	if err != nil {
		return given, err
	}
	values, _ := v.(map[string]any) // it is an object by its type
	for name, value := range values {
		if given[name], err = json.Marshal(value); err != nil {
			return given, fmt.Errorf("input %s cannot be written as JSON: %w", name, err)
		}
	}
	return given, nil
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
