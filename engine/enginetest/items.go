package enginetest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// vars are what expressions of a frame may read, as far as the runbooks of
// lives do: by what the run was told, and nothing that it made of it.
func (g *ghost) vars(frame *runbook.Frame) expr.Vars {
	steps, inputs := map[string]any{}, map[string]any{}
	var item any
	around := frame.Around()
	for _, f := range slices.Backward(around) {
		for id, s := range f.IDs() {
			steps[id] = map[string]any{"outputs": g.decode(g.outputs[s.Path]), "status": string(g.status[s.Path])}
		}
		if f.Each != nil {
			item = g.decode(f.Item)
		}
	}
	if f := around[len(around)-1]; f.Call != nil {
		given, err := f.Call.With.Eval(g.vars(f.Outer))
		if err != nil {
			g.failf("nobody knows with what %s is called: %v", f.Path, err)
			return nil
		}
		inputs, _ = given.(map[string]any)
	}
	return expr.Vars{"steps": steps, "inputs": inputs, "item": item}
}

func (g *ghost) decode(raw json.RawMessage) any {
	if raw == nil {
		return nil
	}
	v, err := expr.Any().Decode(raw)
	if err != nil {
		g.failf("%s: %v", raw, err)
	}
	return v
}

// written is what a value of the runbook comes to in a frame.
func (g *ghost) written(frame *runbook.Frame, v *expr.Value) json.RawMessage {
	got, err := v.Eval(g.vars(frame))
	if err != nil {
		g.failf("nobody knows what is written: %v", err)
		return nil
	}
	return object(got)
}

// condition: a step begins where what it hangs on holds, and else is passed
// over. One whose condition has no value begins, and fails at once.
func (g *ghost) condition(path string, begins, fails bool) {
	step := g.book.Step(path)
	if step == nil || step.If == nil {
		return
	}
	holds, err := step.If.Bool(g.vars(step.Frame))
	if holds != begins && (err == nil || !begins || !fails) {
		g.failf("%s begins: %t, and %s is %t (%v)", path, begins, step.If.Source(), holds, err)
	}
}

// items: a foreach is done once for what its list says.
func (g *ghost) items(e engine.ItemsKnown) {
	step := g.book.Step(e.Path)
	if step == nil || step.Each == nil || step.Each.Unrolled {
		g.failf("the items of %s are said for the second time, or there are none", e.Path)
		return
	}
	if want := g.written(step.Frame, step.Each.List); !bytes.Equal(want, object(e.Items)) {
		g.failf("the items of %s are %s, and its list says %s", e.Path, object(e.Items), want)
	}
	g.book = g.book.Unroll(e.Path, e.Items)
	for i, item := range g.book.Step(e.Path).Steps {
		if !bytes.Equal(item.Frame.Item, e.Items[i]) {
			g.failf("%s stands for %s, and not for %s", item.Path, item.Frame.Item, e.Items[i])
		}
	}
}

// called: a runbook is called once, with what is written.
func (g *ghost) called(e engine.Called) {
	step := g.book.Step(e.Path)
	if g.calling[e.Path] {
		g.failf("%s is called for the second time", e.Path)
	}
	g.calling[e.Path] = true
	if want := g.written(step.Frame, step.Call.With); !bytes.Equal(want, object(e.Inputs)) {
		g.failf("%s is called with %s, written is %s", e.Path, object(e.Inputs), want)
	}
}

// beside: no more items go on side by side than may.
func (g *ghost) beside(step *runbook.Step) {
	for item := step.ItemOf(); item != nil; item = item.Parent.ItemOf() {
		open := 0
		for _, other := range item.Parent.Steps {
			if g.open[other.Path] {
				open++
			}
		}
		if open > item.Parent.Each.Concurrency || !g.open[item.Path] {
			g.failf("%s begins while %d items of %s go on", step.Path, open, item.Parent.Path)
		}
	}
}

// forgiven: an item that may fail leaves nothing changed and nothing unknown,
// and no more of them fail than may.
func (g *ghost) forgiven(path string) {
	step := g.book.Step(path)
	if step == nil || step.Parent == nil || step.Parent.Each == nil {
		return
	}
	g.failed[step.Parent.Path]++
	if g.failed[step.Parent.Path] > step.Parent.Each.MaxFailures {
		g.failf("%d items of %s are forgiven", g.failed[step.Parent.Path], step.Parent.Path)
	}
	for id, c := range g.calls {
		if !c.undo && strings.HasPrefix(c.path, path+"/") && c.known != "none" {
			g.failf("%s is forgiven, and %s is %q", path, id, c.known)
		}
	}
}

// does: what begins is what is written.
func (g *ghost) does(c engine.Act, step *runbook.Step) {
	if want := parse(g.written(step.Frame, step.With), nil); parse(c.Input, nil) != want {
		g.failf("%s does %+v, written is %+v", c.ID, parse(c.Input, nil), want)
	}
}
