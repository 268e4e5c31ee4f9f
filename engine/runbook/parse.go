package runbook

import (
	"crypto/sha256"
	"encoding/hex"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// parser turns one file into a runbook.
type parser struct {
	problems
	holds   string // what the file should hold, and how that begins
	begin   string
	src     *source
	catalog Catalog
	book    *Runbook
	ids     map[string]Pos               // of every step, those below included
	scope   *scope                       // at the step that is read
	nodes   map[*expr.Program]*yaml.Node // where each expression stands
	steps   int

	hasService bool           // written, perhaps wrongly
	hasIf      map[*Step]bool // written, perhaps wrongly
	timeouts   map[*Step]Pos  // where each is written; that of nil is the run's
}

// Parse reads and checks a runbook that may use the actions of a catalog.
// file is its name in messages. It returns a runbook or problems, in the order
// of their positions, never both.
func Parse(file string, src []byte, catalog Catalog) (*Runbook, []Problem) {
	sum := sha256.Sum256(src)
	p := &parser{
		problems: problems{file: file},
		holds:    "runbook",
		begin:    "firebreak: v1",
		catalog:  catalog,
		book:     &Runbook{File: file, Digest: "sha256:" + hex.EncodeToString(sum[:]), byPath: map[string]*Step{}, byID: map[string]*Step{}},
		ids:      map[string]Pos{},
		nodes:    map[*expr.Program]*yaml.Node{},
		hasIf:    map[*Step]bool{},
		timeouts: map[*Step]Pos{},
	}
	if root := p.document(src); root != nil {
		p.runbook(root)
	}
	if len(p.found) > 0 {
		return nil, p.sorted()
	}
	return p.book, nil
}

func (p *parser) runbook(root *yaml.Node) {
	f, ok := p.fields(root, &runbookShape)
	if !ok {
		return
	}
	b := p.book
	b.Name, b.Title, b.Owner = f.text("name"), f.text("title"), f.text("owner")
	b.Timeout, p.timeouts[nil] = f.duration("timeout", 0), f.at("timeout")
	b.OnLocked = f.word("on_locked", OnLockedQueue)
	p.positive(f, "timeout")
	found := len(p.found)
	b.Inputs = p.inputs(f)
	p.scope = newScope(b.Inputs)
	if len(p.found) > found { // what is wrong with one is not wrong with its readers
		p.scope.inputs = expr.Any()
	}
	if p.hasService = f.has("service"); p.hasService {
		b.Service = p.service(f.node("service"))
	}
	if f.has("triggers") {
		for _, n := range p.list(f.node("triggers"), "triggers") {
			p.trigger(n)
		}
	}
	for _, name := range []string{"steps", "on_failure", "finally"} {
		p.findIDs(f.node(name))
	}
	b.Steps = p.stepList(f, "steps", "")
	p.scope.handler = true
	b.OnFailure = p.stepList(f, "on_failure", "on_failure/")
	b.Finally = p.stepList(f, "finally", "finally/")
	p.check()
}

func (p *parser) inputs(f fields) []Input {
	n := f.node("inputs")
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		p.add(posOf(n), "wrong-type", "inputs must be a mapping, not "+kindWord(n), "write NAME: {type: string}")
		return nil
	}
	var inputs []Input
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if !idForm.MatchString(k.Value) {
			p.add(posOf(k), "name", quote(clip(k.Value))+" is no name of an input", "a lower-case letter, then lower-case letters, digits and _")
			continue
		}
		if in, ok := p.input(k.Value, n.Content[i+1]); ok {
			in.Pos = posOf(k)
			inputs = append(inputs, in)
		}
	}
	return inputs
}

func (p *parser) input(name string, n *yaml.Node) (Input, bool) {
	f, ok := p.fields(n, &inputShape)
	if !ok {
		return Input{}, false
	}
	kind := f.text("type")
	in := Input{Name: name, Type: inputType(kind), Service: kind == "service", Required: f.flag("required"), Doc: f.text("doc")}
	if !f.has("default") {
		return in, true
	}
	if in.Required {
		p.add(f.at("default"), "conflict", "input "+name+" is required and has a default", "keep one of them")
	}
	if v := p.value(f.node("default"), "default", expr.Scope{}, in.Type); v != nil {
		in.Default, _ = v.Eval(nil)
	}
	return in, true
}

func inputType(word string) *expr.Type {
	switch word {
	case "service", "string":
		return expr.Of(expr.String)
	case "integer":
		return expr.Of(expr.Int)
	case "number":
		return expr.Of(expr.Num)
	case "boolean":
		return expr.Of(expr.Bool)
	case "duration":
		t := expr.Of(expr.String)
		t.Format = "go-duration"
		return t
	}
	return expr.Any()
}

func (p *parser) service(n *yaml.Node) *expr.Value {
	return p.template(n, "service", expr.Scope{"inputs": p.scope.inputs})
}

func (p *parser) trigger(n *yaml.Node) {
	f, ok := p.fields(n, &triggerShape)
	if !ok {
		return
	}
	t := Trigger{Pos: f.pos, Cooldown: f.duration("cooldown", 0), Inputs: map[string]*expr.Value{}}
	names := expr.Scope{"alert": alertType}
	if f.has("alert") {
		t.Alert = p.condition(f.node("alert"), "alert", names)
		p.never(t.Alert, f.at("alert"), "this trigger")
	}
	wanted := &expr.Type{Kinds: expr.Object, Fields: map[string]*expr.Type{}, Required: map[string]bool{}}
	for _, in := range p.book.Inputs {
		wanted.Fields[in.Name] = in.Type
		if in.Required {
			wanted.Required[in.Name] = true
		}
	}
	given := f.node("inputs")
	if given == nil {
		given = &yaml.Node{Kind: yaml.MappingNode, Line: n.Line, Column: n.Column}
	}
	if given.Kind != yaml.MappingNode {
		p.add(posOf(given), "wrong-type", "inputs must be a mapping, not "+kindWord(given), "")
		return
	}
	if v := p.value(given, "the runbook", names, wanted); v != nil {
		for _, in := range p.book.Inputs {
			if field := v.Field(in.Name); field != nil {
				t.Inputs[in.Name] = field
			}
		}
	}
	p.book.Triggers = append(p.book.Triggers, t)
}
