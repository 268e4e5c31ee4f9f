package cases

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Trigger is an alert, and which runbooks must answer it.
type Trigger struct {
	Name string
	File string
	Pos  runbook.Pos

	book   *runbook.Runbook
	alert  json.RawMessage
	starts list
	inputs []field
}

func (p *parser) trigger(n *yaml.Node) *Trigger {
	f, ok := p.file.Fields(n, triggerShape)
	if !ok {
		return nil
	}
	t := &Trigger{
		Name: f.Text("name"), File: p.name, Pos: runbook.PosOf(n), book: p.book,
		starts: list{f.At("alert"), []noted{{f.At("alert"), p.book.Name}}},
	}
	if n := f.Node("alert"); n != nil {
		t.alert = p.alert(n)
	}
	if n := f.Node("starts"); n != nil {
		t.starts = *p.texts(n, "starts")
	}
	if n := f.Node("inputs"); n != nil {
		if !slices.Contains(textsOf(&t.starts), p.book.Name) {
			p.file.Add(runbook.PosOf(n), "conflict", "the alert does not start "+p.book.Name+": there are no inputs", "remove them, or add it to starts")
		}
		p.each(n, "inputs", func(name noted, v *yaml.Node) {
			if _, ok := p.input(name); ok {
				want, _ := p.raw(v)
				t.inputs = append(t.inputs, field{runbook.PosOf(v), name.text, want})
			}
		})
	}
	if t.Name == "" {
		t.Name = "alert in line " + strconv.Itoa(t.Pos.Line)
	}
	return t
}

// Play finds out which runbooks of a folder answer the alert, and with which
// inputs that of the file begins.
func (t *Trigger) Play(folder []*runbook.Runbook) []Failure {
	var failures []Failure
	failf := func(at runbook.Pos, format string, args ...any) {
		failures = append(failures, Failure{Pos: at, What: fmt.Sprintf(format, args...)})
	}
	want := textsOf(&t.starts)
	var inputs map[string]json.RawMessage
	var got []string
	for _, book := range folder {
		answers, in, err := answering(book, t.alert)
		if answers == nil && err == nil {
			continue
		}
		got = append(got, book.Name)
		if book.Name != t.book.Name {
			continue
		}
		if inputs = in; err != nil {
			failf(t.Pos, "%s answers the alert, and its inputs cannot be made: %v", book.Name, err)
		}
	}
	for _, item := range t.starts.items {
		if !slices.Contains(got, item.text) {
			failf(item.pos, "starts: expected %s, happened %s", item.text, orNone(got))
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			failf(t.starts.pos, "starts: expected %s, and %s answers, too", orNone(want), name)
		}
	}
	for _, in := range t.inputs {
		raw, given := inputs[in.name]
		if i := slices.IndexFunc(t.book.Inputs, func(decl runbook.Input) bool { return decl.Name == in.name }); !given && inputs != nil && i >= 0 {
			raw = rawOf(t.book.Inputs[i].Default)
		}
		if why := differs(in.want, valueOf(raw)); why != "" {
			failf(in.pos, "input %s: %s", in.name, why)
		}
	}
	return failures
}

// answering returns the first trigger of a runbook that answers an alert, or
// nil, and the inputs that it makes of it.
func answering(book *runbook.Runbook, alert json.RawMessage) (*runbook.Trigger, map[string]json.RawMessage, error) {
	decoded, err := expr.Any().Decode(alert)
	if err != nil {
		return nil, nil, err
	}
	vars := expr.Vars{"alert": decoded}
	for i := range book.Triggers {
		t := &book.Triggers[i]
		ok, err := t.Alert.Bool(vars)
		if err != nil || !ok {
			continue // an alert without what the condition reads is another alert
		}
		inputs := map[string]json.RawMessage{}
		for name, v := range t.Inputs {
			in, err := v.Eval(vars)
			if err != nil {
				return t, nil, fmt.Errorf("input %s: %w", name, err)
			}
			inputs[name] = rawOf(in)
		}
		return t, inputs, nil
	}
	return nil, nil, nil
}
