package forecast

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// needs are the names that programs read and whose values are not known where
// the walk stands, as they are written.
func (w *walk) needs(frame *runbook.Frame, programs ...*expr.Program) []string {
	var out []string
	for _, p := range programs {
		for _, path := range p.Names() {
			if name := strings.Join(path, "."); !w.knows(frame, path) && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// knows reports whether the value of a name is known.
func (w *walk) knows(frame *runbook.Frame, path []string) bool {
	switch path[0] {
	case "steps":
		return w.knowsStep(frame, path)
	case "vars":
		return len(w.unset) == 0 || len(path) > 1 && w.knowsVar(frame, path[1])
	case "item":
		return knowsItem(frame)
	case "inputs":
		return w.knowsInputs(frame)
	case "run":
		return !w.handler || w.base.Failed != nil || len(path) > 1 && path[1] != "failure"
	default:
		return true
	}
}

func (w *walk) knowsStep(frame *runbook.Frame, path []string) bool {
	if len(path) < 2 {
		return false
	}
	step := frame.ByID(path[1])
	if step == nil {
		return false
	}
	if state := w.base.Step(step.Path); state.Done() {
		return true
	}
	if !w.known[step.Path] {
		return false
	}
	if state := w.run.Step(step.Path); state.Status == engine.StatusSkipped {
		return true
	}
	return len(path) > 2 && path[2] == "status"
}

// condition evaluates a step's `if`, as far as what it reads is known.
func (w *walk) condition(s *runbook.Step) (c *Condition, holds bool, failure string) {
	c = &Condition{Text: s.If.Source(), Needs: w.needs(s.Frame, s.If)}
	if len(c.Needs) > 0 {
		return c, false, ""
	}
	vars := w.run.Scope(s.Frame, nil, s.If)
	for _, path := range s.If.Names() {
		if c.Reads == nil {
			c.Reads = map[string]any{}
		}
		c.Reads[strings.Join(path, ".")] = lookup(map[string]any(vars), path)
	}
	holds, err := s.If.Bool(vars)
	if err != nil {
		failure = err.Error()
	}
	return c, holds, failure
}

// lookup follows a name through objects; what is not there is null.
func lookup(in any, path []string) any {
	for _, word := range path {
		object, ok := in.(map[string]any)
		if !ok {
			return nil
		}
		in = object[word]
	}
	return in
}

// value evaluates what a plugin is given, a variable or an output. Without
// needs it is nil where it cannot be made; failure, where it is given, says why.
func (w *walk) value(frame *runbook.Frame, v *expr.Value, failure **engine.Failure) (raw json.RawMessage, needs []string) {
	if needs = w.needs(frame, v.Programs()...); len(needs) > 0 {
		return nil, needs
	}
	got, err := v.Eval(w.run.Scope(frame, nil, v.Programs()...))
	if err == nil {
		raw, err = json.Marshal(got)
	}
	if err != nil {
		raw = nil
		if failure != nil {
			*failure = &engine.Failure{Class: "expression", Reason: err.Error()}
		}
	}
	return raw, nil
}

// text is what people would be told; where it is not known, as far as the
// names that it needs.
func (w *walk) text(s *runbook.Step) (text string, needs []string) {
	if needs = w.needs(s.Frame, s.Text.Programs()...); len(needs) > 0 {
		return "", needs
	}
	v, err := s.Text.Eval(w.run.Scope(s.Frame, nil, s.Text.Programs()...))
	if err != nil {
		return err.Error(), nil
	}
	return fmt.Sprint(v), nil
}

func merge(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}
