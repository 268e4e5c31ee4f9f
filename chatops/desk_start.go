package chatops

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// lookAll is the runbook of diagnose.
const lookAll = "look-at-everything"

// book finds a runbook by its name.
func (d *Desk) book(name string) (*runbook.Runbook, error) {
	var names []string
	for _, b := range d.Starts.Books() {
		if b.Name == name {
			return b, nil
		}
		names = append(names, b.Name)
	}
	return nil, &CommandError{"there is no runbook " + name, or(expr.Suggest(name, names), d.Command+" list lists them")}
}

// run starts a runbook, or asks for what it needs.
func (d *Desk) run(ctx context.Context, who Speaker, c Command, said Said) (Reply, error) {
	if len(c.Args) == 0 {
		f := Form{Do: DoPick, Title: "Run a runbook", Submit: "Next", Text: d.Command + " help lists everything else.", Fields: []FormField{{Name: "runbook", Label: "Which", Choices: d.names()}}}
		if !said.Form {
			return Reply{Text: "Write which one: " + strings.Join(d.names(), ", ") + "."}, nil
		}
		return Reply{Form: &f}, nil
	}
	b, err := d.book(c.Args[0])
	if err != nil {
		return Reply{}, err
	}
	inputs, wrong := d.inputs(b, c.Named)
	for _, name := range slices.Sorted(maps.Keys(c.Named)) {
		if !slices.ContainsFunc(b.Inputs, func(in runbook.Input) bool { return in.Name == name }) {
			return Reply{}, &CommandError{b.Name + " has no input " + name, "it has " + or(strings.Join(inputNames(b), ", "), "none")}
		}
	}
	if len(wrong) > 0 && said.Form {
		f := d.inputForm(b, c.Named)
		return Reply{Form: &f}, nil
	}
	for _, name := range slices.Sorted(maps.Keys(wrong)) {
		return Reply{}, &CommandError{"input " + name + ": " + wrong[name], "write run " + b.Name + " " + name + "=VALUE"}
	}
	return d.start(ctx, who, b, inputs, said)
}

func (d *Desk) start(ctx context.Context, who Speaker, b *runbook.Runbook, inputs map[string]json.RawMessage, said Said) (Reply, error) {
	run, err := d.Starts.Start(ctx, said.wish(who), b, inputs)
	return Reply{Run: run, Text: "Run " + run + " of " + b.Name + " has begun."}, err
}

func inputNames(b *runbook.Runbook) []string {
	names := make([]string, len(b.Inputs))
	for i, in := range b.Inputs {
		names[i] = in.Name
	}
	return names
}

func (d *Desk) names() []string {
	var names []string
	for _, b := range d.Starts.Books() {
		names = append(names, b.Name)
	}
	slices.Sort(names)
	return names
}

// inputs are the inputs of a runbook as they were typed; wrong says what is
// not as it should be, by name.
func (d *Desk) inputs(b *runbook.Runbook, given map[string]string) (inputs map[string]json.RawMessage, wrong map[string]string) {
	inputs, wrong = map[string]json.RawMessage{}, map[string]string{}
	for _, in := range b.Inputs {
		text, ok := given[in.Name]
		switch {
		case !ok || strings.TrimSpace(text) == "":
			if in.Required {
				wrong[in.Name] = "it is needed"
			}
			continue
		case in.Service && !slices.Contains(d.Services, text):
			wrong[in.Name] = or(expr.Suggest(text, d.Services), "there is no such service")
			continue
		}
		raw, err := json.Marshal(text)
		if err == nil {
			if _, bad := in.Type.Decode(raw); bad != nil && json.Valid([]byte(text)) {
				raw = json.RawMessage(text)
			}
			_, err = in.Type.Decode(raw)
		}
		if err != nil {
			wrong[in.Name] = err.Error()
			continue
		}
		inputs[in.Name] = raw
	}
	return inputs, wrong
}

// inputForm asks for the inputs of a runbook; given is what was typed already.
func (d *Desk) inputForm(b *runbook.Runbook, given map[string]string) Form {
	f := Form{Do: DoRun, Value: b.Name, Title: "Run a runbook", Submit: "Run", Text: b.Name + ": " + b.Title}
	for _, in := range b.Inputs {
		field := FormField{Name: in.Name, Label: in.Name, Hint: or(in.Doc, in.Type.String()), Initial: given[in.Name], Optional: !in.Required}
		if field.Initial == "" && in.Default != nil {
			field.Initial = fmt.Sprint(in.Default)
		}
		switch {
		case in.Service:
			field.Choices = d.Services
		case in.Type.String() == "boolean":
			field.Choices = []string{"true", "false"}
		}
		f.Fields = append(f.Fields, field)
	}
	return f
}

// Check says what is wrong with what somebody has filled in, by field; nothing
// when it can be sent. It blocks on nothing.
func (d *Desk) Check(do Do, value string, filled map[string]string) map[string]string {
	switch do {
	case DoPick:
		if _, err := d.book(filled["runbook"]); err != nil {
			return map[string]string{"runbook": err.Error()}
		}
	case DoRun:
		if b, err := d.book(value); err == nil {
			_, wrong := d.inputs(b, filled)
			return wrong
		}
	default:
	}
	return nil
}

// Next is the form that follows one, at once; nil: none does.
func (d *Desk) Next(do Do, filled map[string]string) *Form {
	if do != DoPick {
		return nil
	}
	b, err := d.book(filled["runbook"])
	if err != nil {
		return nil
	}
	f := d.inputForm(b, nil)
	return &f
}

// Submit answers what somebody has filled in.
func (d *Desk) Submit(ctx context.Context, who Speaker, do Do, value string, filled map[string]string, said Said) (Reply, error) {
	if do == DoRun {
		if who.Person == "" {
			return Reply{Text: sentence(who.Refusal)}, nil
		}
		if d.isOld(said) {
			return tooLate, nil
		}
		reply, err := d.run(ctx, who, Command{Verb: "run", Args: []string{value}, Named: filled}, said)
		if err != nil && !unavailable(err) {
			return Reply{Text: sentence(explain(err))}, nil
		}
		return reply, err
	}
	s, a, reply, err := d.find(ctx, value)
	if a == nil || err != nil {
		return reply, err
	}
	if late, ok := d.late(s, a, who, do, filled["value"]); ok {
		return late, nil
	}
	return d.say(ctx, s, a, who, do, filled)
}

func (d *Desk) plan(ctx context.Context, who Speaker, c Command) (Reply, error) {
	b, err := d.book(c.Args[0])
	if err != nil {
		return Reply{}, err
	}
	inputs, wrong := d.inputs(b, c.Named)
	for _, name := range slices.Sorted(maps.Keys(wrong)) {
		return Reply{}, &CommandError{"input " + name + ": " + wrong[name], "write plan " + b.Name + " " + name + "=VALUE"}
	}
	f, err := d.Starts.Plan(ctx, who.Person, b, inputs)
	if err != nil {
		return Reply{}, err
	}
	var text strings.Builder
	for _, s := range Foreseen(f) {
		if s.Title != "" {
			text.WriteString(s.Title + "\n")
		}
		for _, l := range s.Lines {
			text.WriteString(lineText(l))
		}
	}
	return Reply{Text: "What a run of " + b.Name + " would do now. Nothing was changed.", Code: text.String()}, nil
}
