package runbook

import (
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// Library finds a runbook by its name: the file in which it stands, for
// messages, and its bytes.
type Library func(name string) (file string, src []byte, err error)

// once reads each runbook of a library one time only: what is checked is what
// is pinned, even if the file is written in between.
func once(library Library) Library {
	type reading struct {
		file string
		src  []byte
		err  error
	}
	if library == nil {
		return nil
	}
	read := map[string]reading{}
	return func(name string) (string, []byte, error) {
		r, found := read[name]
		if !found {
			r.file, r.src, r.err = library(name)
			read[name] = r
		}
		return r.file, r.src, r.err
	}
}

// parser turns one file into a runbook.
type parser struct {
	problems
	*shared
	holds string // what the file should hold; empty: it may be empty
	begin string // how that begins
	src   *source

	private bool // it may hold a secret: no message shows a line of it

	book  *Runbook
	ids   map[string]Pos   // of every step of the file, those below included
	byID  map[string]*Step // those that are read
	own   []*Step          // every step of the file
	scope *scope           // at the step that is read
	frame *Frame           // of the step that is read
	inner []*parser        // of the runbooks that it calls
	outer *parser          // of the runbook that calls it; nil: none does
	by    *Step            // by which it is called
	flow  *flow            // once it is checked

	hasService  bool // written, perhaps wrongly
	serviceText string
	written     map[*Step]fields      // what each is read from; that of nil is the runbook
	ever        map[string]*expr.Type // what variables have been set to, by name
}

// shared is what the parsers of a runbook, and of those that it calls, have
// together.
type shared struct {
	day       string // on which it is checked; empty: no waiver is over
	catalog   Catalog
	library   Library
	nodes     map[*expr.Program]*yaml.Node // where each expression stands
	hasIf     map[*Step]bool               // written, perhaps wrongly
	steps     int
	calls     int
	called    map[string]string // the bytes of the runbooks that are called, by name
	onFailure []*Step           // their handlers
	finally   []*Step
}

// Parse reads and checks a runbook that may use the actions of a catalog and
// call the runbooks of a library; nil: none. file is its name in messages. It
// returns a runbook or problems, in the order of their positions, never both.
func Parse(file string, src []byte, catalog Catalog, library Library) (*Runbook, []Problem) {
	return ParseAt("", file, src, catalog, library)
}

// ParseAt is Parse, and refuses what is waived until before a day, YYYY-MM-DD in
// UTC, too.
func ParseAt(day, file string, src []byte, catalog Catalog, library Library) (*Runbook, []Problem) {
	p := newParser(file, &Runbook{File: file, byPath: map[string]*Step{}}, &Frame{File: file}, &shared{
		day: day, catalog: catalog, library: once(library), nodes: map[*expr.Program]*yaml.Node{}, hasIf: map[*Step]bool{}, called: map[string]string{},
	})
	b := p.book
	if root := p.document(src); root != nil {
		p.runbook(root)
		p.check()
	}
	if found := p.all(); len(found) > 0 {
		return nil, found
	}
	b.OnFailure, b.Finally = slices.Concat(p.onFailure, b.OnFailure), slices.Concat(p.finally, b.Finally)
	b.Frame.Inputs = b.Inputs
	b.pin(src, p.called)
	return b, nil
}

func newParser(file string, book *Runbook, frame *Frame, s *shared) *parser {
	frame.byID = map[string]*Step{}
	book.Frame = frame
	return &parser{problems: problems{file: file}, shared: s, holds: "runbook", begin: "firebreak: v1", book: book, frame: frame, ids: map[string]Pos{}, byID: map[string]*Step{}, written: map[*Step]fields{}, ever: map[string]*expr.Type{}}
}

// all returns the problems of a file, and then of those that it calls.
func (p *parser) all() []Problem {
	var found []Problem
	if len(p.found) > 0 {
		found = p.sorted()
	}
	for _, inner := range p.inner {
		for _, problem := range inner.all() { // a runbook that is called twice is wrong once
			if !slices.Contains(found, problem) {
				found = append(found, problem)
			}
		}
	}
	return found
}

func (p *parser) runbook(root *yaml.Node) {
	f, ok := p.fields(root, &runbookShape)
	if !ok {
		return
	}
	b := p.book
	b.Name, b.Title, b.Owner = f.text("name"), f.text("title"), f.text("owner")
	p.written[nil] = f
	b.Timeout = f.duration("timeout", 0)
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
		p.serviceText = f.node("service").Value
	}
	if f.has("triggers") {
		for _, n := range p.list(f.node("triggers"), "triggers") {
			p.trigger(n)
		}
	}
	for _, name := range []string{"steps", "on_failure", "finally"} {
		p.findIDs(f.node(name))
	}
	b.Steps = p.main(f)
	if f.has("outputs") {
		b.Outputs = p.outputs(f.node("outputs"))
	}
	p.scope.handler = p.inHandler()
	for name, typ := range p.ever { // what failed may have kept a later set from running
		p.scope.show(p.scope.vars, name, typ.OrNull())
	}
	b.OnFailure = p.handler(f, "on_failure")
	p.scope.handler = p.inHandler()
	b.Finally = p.handler(f, "finally")
}

// main reads what a runbook does, at the place from which it is called.
func (p *parser) main(f fields) []*Step {
	if !f.has("steps") {
		return nil
	}
	prefix := ""
	if p.by != nil {
		prefix = p.by.Path + "/"
	}
	return p.sequence(f.node("steps"), "steps", prefix, p.by)
}

// handler reads what a runbook does last. Of one that is called it becomes a
// group of the run's own.
func (p *parser) handler(f fields, key string) []*Step {
	if !f.has(key) {
		return nil
	}
	if p.by == nil {
		return p.sequence(f.node(key), key, key+"/", nil)
	}
	group := &Step{Path: key + "/call." + strings.ReplaceAll(p.by.Path, "/", "."), Kind: KindGroup, Pos: f.at(key), Frame: p.frame, Of: p.by}
	p.book.byPath[group.Path] = group
	group.Steps = p.sequence(f.node(key), key, group.Path+"/", group)
	return []*Step{group}
}

// inHandler is what handlers may read of the run: what failed is one of the steps
// that are read so far, where all of their paths are known.
func (p *parser) inHandler() *expr.Type {
	step := text
	items := slices.ContainsFunc(p.own, func(s *Step) bool { return s.Each != nil })
	if p.by == nil && len(p.inner) == 0 && !items {
		step = expr.OneOf(append(slices.Sorted(maps.Keys(p.book.byPath)), "")...)
	}
	return handlerType(step)
}

func (p *parser) outputs(n *yaml.Node) *expr.Value {
	if n.Kind != yaml.MappingNode {
		p.add(posOf(n), "wrong-type", "outputs must be a mapping, not "+kindWord(n), "write NAME: ${{ steps.ID.outputs.FIELD }}")
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; !idForm.MatchString(k.Value) {
			p.add(posOf(k), "name", quote(clip(k.Value))+" is no name of an output", "a lower-case letter, then lower-case letters, digits and _")
		}
	}
	return p.value(n, "outputs", p.scope.names(nil), nil)
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
	if v := p.value(f.node("default"), "default", expr.Scope{}, in.Type.OrNull()); v != nil {
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
	wanted := typeOf(p.book.Inputs)
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

// typeOf is the type of the inputs that a runbook is given.
func typeOf(inputs []Input) *expr.Type {
	wanted := &expr.Type{Kinds: expr.Object, Fields: map[string]*expr.Type{}, Required: map[string]bool{}}
	for _, in := range inputs {
		wanted.Fields[in.Name] = in.Type
		if in.Required {
			wanted.Required[in.Name] = true
		}
	}
	return wanted
}
