package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// vars is what expressions of a frame may read now: of all there is only what
// these read. result is the answer of the read just made, of a guard, a verify
// or a wait.
func (r *Run) vars(frame *runbook.Frame, result any, readers ...*expr.Program) expr.Vars {
	v := vars{run: r, around: frame.Around(), found: expr.Vars{"result": result}}
	for _, reader := range readers {
		for _, name := range reader.Names() {
			v.add(name)
		}
	}
	return v.found
}

// vars collects what is read.
type vars struct {
	run    *Run
	around []*runbook.Frame
	found  expr.Vars
}

// add finds a name. What is not the name of one step or variable is found
// whole.
func (v *vars) add(name []string) {
	switch top := name[0]; top {
	case "steps":
		steps := v.object(top)
		if len(name) > 1 {
			v.step(steps, name[1])
			return
		}
		for _, f := range v.around {
			for id := range f.IDs() {
				v.step(steps, id)
			}
		}
	case "vars":
		set := v.object(top)
		if len(name) > 1 {
			v.variable(set, name[1])
			return
		}
		for key := range v.run.Vars {
			_, name := variable(key)
			v.variable(set, name)
		}
	default:
		if _, ok := v.found[top]; !ok {
			v.found[top] = v.whole(top)
		}
	}
}

func (v *vars) object(top string) map[string]any {
	m, ok := v.found[top].(map[string]any)
	if !ok {
		m = map[string]any{}
		v.found[top] = m
	}
	return m
}

func (v *vars) step(steps map[string]any, id string) {
	s := v.around[0].ByID(id)
	if s == nil || steps[id] != nil {
		return
	}
	st := v.run.step(s.Path)
	steps[id] = map[string]any{
		"status":  string(v.run.StatusOf(s.Path)),
		"effect":  string(st.Effect),
		"outputs": st.value.get(),
	}
}

// variable finds a variable: that of the nearest frame hides the others.
func (v *vars) variable(set map[string]any, name string) {
	for _, f := range v.around {
		if raw, ok := v.run.Vars[variableKey(f, name)]; ok {
			set[name] = untyped(raw)
			return
		}
	}
}

func (v *vars) whole(top string) any {
	switch top {
	case "inputs":
		return v.run.inputs(v.around[len(v.around)-1])
	case "alert":
		return untyped(v.run.Facts.Alert)
	case "run":
		return v.run.runVars()
	case "item":
		for _, f := range v.around { // what is nearer hides what is farther
			if f.Each != nil {
				return decode(f.Each.Item, f.Item)
			}
		}
	}
	return nil
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
	v, err := frame.Call.With.Eval(r.vars(frame.Outer, nil, frame.Call.With.Programs()...))
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

// decoded is a value that is decoded when it is first read. Copies of a step
// share it.
type decoded struct {
	raw   json.RawMessage
	typ   func() *expr.Type
	once  sync.Once
	value any
}

func (d *decoded) get() any {
	if d == nil {
		return nil
	}
	d.once.Do(func() { d.value = decode(d.typ(), d.raw) })
	return d.value
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
