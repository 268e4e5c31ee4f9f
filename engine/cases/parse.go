package cases

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Suffix is how the name of a test file ends, after that of its runbook.
const Suffix = "_test.yaml"

// epoch is when a case begins that does not say.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Find returns the runbook with a name, for the test file beside it.
type Find func(name string) (*runbook.Runbook, error)

// parser reads one test file.
type parser struct {
	file  *runbook.File
	name  string
	book  *runbook.Runbook
	index index

	recorded bool // the case that is read was: the runbook may have been edited since
}

// Parse reads a test file and the runbook that it tests. file is its name in
// messages. It returns a file or problems, in the order of their positions,
// never both. An answer that the contract of its action does not allow, and a
// step that the runbook does not have, are problems.
func Parse(file string, src []byte, find Find) (*File, []runbook.Problem) {
	f, root := runbook.ReadFile(file, src, "test", "firebreak_test: v1")
	p := &parser{file: f, name: file}
	var out *File
	if root != nil {
		out = p.whole(root, find)
	}
	if problems := f.Problems(); len(problems) > 0 || out == nil {
		return nil, problems
	}
	return out, nil
}

func (p *parser) whole(root *yaml.Node, find Find) *File {
	f, ok := p.file.Fields(root, fileShape)
	if !ok {
		return nil
	}
	name, at := f.Text("runbook"), f.At("runbook")
	if name == "" {
		if name, ok = strings.CutSuffix(path.Base(strings.ReplaceAll(p.name, `\`, "/")), Suffix); !ok {
			p.file.Add(at, "no-runbook", "it is not known which runbook this tests", "name the file NAME"+Suffix+", or add runbook: NAME")
			return nil
		}
	}
	book, err := find(name)
	if err != nil {
		p.file.Add(at, "no-runbook", "the runbook "+name+" cannot be tested: "+err.Error(), "a test stands beside its runbook; see what firebreak check says of that")
		return nil
	}
	p.book, p.index = book, newIndex(book)
	out := &File{Name: p.name, Book: book}
	var defaults runbook.Fields
	if n := f.Node("defaults"); n != nil {
		if defaults, ok = p.file.Fields(n, defaultsShape); !ok {
			return nil
		}
	}
	base := p.given(defaults, Case{})
	seen := map[string]int{}
	listed, triggers := p.listOf(f, "cases"), p.listOf(f, "triggers")
	for _, n := range listed {
		c := p.oneCase(n, base)
		if c == nil {
			continue
		}
		if line := seen[c.Name]; line > 0 {
			p.file.Add(c.Pos, "duplicate-name", fmt.Sprintf("two cases are called %s, the first one in line %d", c.Name, line), "give each a name of its own")
		}
		seen[c.Name] = c.Pos.Line
		out.Cases = append(out.Cases, c)
	}
	for _, n := range triggers {
		if t := p.trigger(n); t != nil {
			out.Triggers = append(out.Triggers, t)
		}
	}
	if len(listed)+len(triggers) == 0 {
		p.file.Add(runbook.PosOf(root), "empty", "the file tests nothing", "add cases: or triggers:")
	}
	return out
}

func (p *parser) listOf(f runbook.Fields, key string) []*yaml.Node {
	n := f.Node(key)
	if n == nil {
		return nil
	}
	items, _ := p.file.List(n, key)
	return items
}

func (p *parser) oneCase(n *yaml.Node, base Case) *Case {
	f, ok := p.file.Fields(n, caseShape)
	if !ok {
		return nil
	}
	p.recorded = f.Has("recorded")
	c := p.given(f, base)
	c.Name, c.File, c.Pos = f.Text("name"), p.name, runbook.PosOf(n)
	c.book, c.index = p.book, p.index
	for _, n := range p.listOf(f, "events") {
		c.events = append(c.events, p.event(n))
	}
	if n := f.Node("expect"); n != nil {
		c.expect = p.expect(n)
	}
	p.needInputs(&c)
	return &c
}

// given reads what a run is given, over what every case is given. Answers and
// people are added to those; the rest replaces them.
func (p *parser) given(f runbook.Fields, c Case) Case {
	if c.start.IsZero() {
		c.start = epoch
	}
	if f.Has("inputs") {
		c.inputs = p.inputs(f.Node("inputs"))
	}
	if f.Has("alert") {
		c.alert = p.alert(f.Node("alert"))
	}
	if f.Has("requester") {
		c.requester = f.Text("requester")
	}
	if n := f.Node("roles"); n != nil {
		c.roles = map[string][]string{}
		p.each(n, "roles", func(name noted, v *yaml.Node) {
			for _, item := range p.texts(v, name.text).items {
				c.roles[name.text] = append(c.roles[name.text], item.text)
			}
		})
	}
	if f.Has("stops") {
		c.stops = nil
		for _, n := range p.listOf(f, "stops") {
			c.stops = append(c.stops, p.stop(n))
		}
	}
	if text := f.Text("start"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			p.file.Add(f.At("start"), "time", "start must be a time, not "+text, `write for example "2026-01-02T03:04:05Z"`)
		}
		c.start = at
	}
	c.actions, c.people = maps.Clone(c.actions), maps.Clone(c.people)
	if n := f.Node("actions"); n != nil {
		p.answers(n, &c)
	}
	if n := f.Node("people"); n != nil {
		p.people(n, &c)
	}
	return c
}

// each visits the entries of a mapping.
func (p *parser) each(n *yaml.Node, key string, visit func(name noted, v *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		p.file.Add(runbook.PosOf(n), "wrong-type", key+" must be a mapping, not "+runbook.KindOf(n), "write names and values, one to a line")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		visit(noted{runbook.PosOf(n.Content[i]), n.Content[i].Value}, n.Content[i+1])
	}
}

// some returns the entries of a list, or the only one.
func some(n *yaml.Node) []*yaml.Node {
	if n.Kind == yaml.SequenceNode {
		return n.Content
	}
	return []*yaml.Node{n}
}

// texts reads one text or a list of them.
func (p *parser) texts(n *yaml.Node, key string) *list {
	l := &list{pos: runbook.PosOf(n)}
	for _, item := range some(n) {
		if s, ok := p.file.TextOf(item, key); ok {
			l.items = append(l.items, noted{runbook.PosOf(item), s})
		}
	}
	return l
}

func (p *parser) inputs(n *yaml.Node) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	p.each(n, "inputs", func(name noted, v *yaml.Node) {
		in, ok := p.input(name)
		if !ok {
			return
		}
		out[in.Name] = nil // it is given, though it may be wrong
		if typed := p.typed(v, in.Type, "input "+in.Name); typed != nil {
			out[in.Name] = typed.raw
		}
	})
	return out
}

// input finds an input of the runbook, or reports that there is none.
func (p *parser) input(name noted) (runbook.Input, bool) {
	for _, in := range p.book.Inputs {
		if in.Name == name.text {
			return in, true
		}
	}
	p.file.Add(name.pos, "unknown-input", p.book.Name+" has no input "+name.text, suggestInput(name.text, p.book))
	return runbook.Input{}, false
}

func suggestInput(name string, book *runbook.Runbook) string {
	var names []string
	for _, in := range book.Inputs {
		names = append(names, in.Name)
	}
	return suggest(name, names)
}

// needInputs refuses a case that lacks an input which the run cannot begin
// without, and takes those of a trigger where an alert begins the run.
func (p *parser) needInputs(c *Case) {
	if c.inputs == nil && c.alert != nil {
		t, inputs, err := answering(p.book, c.alert)
		if err != nil || t == nil {
			what := "no trigger of " + p.book.Name + " answers this alert"
			if err != nil {
				what = "the trigger that answers this alert has no inputs: " + err.Error()
			}
			p.file.Add(c.Pos, "missing-input", what, "change the alert, or give inputs:")
			return
		}
		c.inputs = inputs
	}
	for _, in := range p.book.Inputs {
		if _, given := c.inputs[in.Name]; in.Required && !given {
			p.file.Add(c.Pos, "missing-input", fmt.Sprintf("the case gives no input %s, and %s needs it", in.Name, p.book.Name), "add it to inputs:")
		}
	}
}

func (p *parser) alert(n *yaml.Node) json.RawMessage {
	f, ok := p.file.Fields(n, alertShape)
	if !ok {
		return nil
	}
	alert := map[string]any{"labels": map[string]string{}, "annotations": map[string]string{}, "status": "firing"}
	if s := f.Text("status"); s != "" {
		alert["status"] = s
	}
	for _, key := range []string{"labels", "annotations"} {
		n := f.Node(key)
		if n == nil {
			continue
		}
		texts := map[string]string{}
		p.each(n, key, func(name noted, v *yaml.Node) {
			if s, ok := p.file.TextOf(v, name.text); ok {
				texts[name.text] = s
			}
		})
		alert[key] = texts
	}
	return rawOf(alert)
}

// suggest names what was meant, of what there is.
func suggest(word string, names []string) string {
	return cmp.Or(expr.Suggest(word, names), "there is "+strings.Join(names, ", "))
}

// step returns the path of a step, or reports that there is none.
func (p *parser) step(n noted) string {
	if s := p.index.step(n.text); s != nil && s.Path != p.index.template(n.text) {
		return s.Path // it was an id
	} else if s != nil || p.recorded {
		return n.text
	}
	p.file.Add(n.pos, "unknown-step", p.book.Name+" has no step "+n.text, suggest(n.text, p.index.stepNames()))
	return ""
}

// steps replaces the names of a list by paths.
func (p *parser) steps(l *list) *list {
	for i := range l.items {
		l.items[i].text = p.step(l.items[i])
	}
	return l
}

func (p *parser) raw(n *yaml.Node) (any, bool) { return p.file.Literal(n) }
