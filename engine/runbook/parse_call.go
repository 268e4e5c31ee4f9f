package runbook

import (
	"fmt"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxCalls bounds the calls of a runbook, those of called ones included.
const maxCalls = 100

// call reads a step that calls another runbook: its steps become those of
// the step, with names of their own.
func (p *parser) call(step *Step, f fields) {
	p.gate(step, f)
	if name := f.text("call"); name != "" {
		if inner := p.inline(step, f, name); inner != nil {
			p.given(step, f, inner)
		}
	}
	p.groupVerify(step, f)
}

// inline reads the runbook that a step calls; nil after a problem that leaves
// nothing to check.
func (p *parser) inline(step *Step, f fields, name string) *parser {
	at := f.at("call")
	for outer := p; outer != nil; outer = outer.outer {
		if outer.book.Name == name {
			p.outside(at, "recursion", name+" is called from itself", "a runbook cannot call itself, nor one that calls it", func(*parser) bool { return true })
			return nil
		}
	}
	if p.shared.calls++; p.shared.calls > maxCalls {
		p.addf(at, "too-large", "split the runbook", "there are more than %d calls", maxCalls)
		return nil
	}
	file, src, err := p.find(name)
	if err != nil {
		p.add(at, "unknown-runbook", fmt.Sprintf("the runbook %s cannot be read: %v", name, err), "it is looked for beside this file, in the folders of runbooks, and among those that are built in")
		return nil
	}
	frame := &Frame{Path: step.Path, File: file, Outer: p.frame}
	inner := newParser(file, &Runbook{File: file, byPath: p.book.byPath}, frame, p.shared)
	inner.outer, inner.by = p, step
	p.inner = append(p.inner, inner)
	root := inner.document(src)
	if root == nil {
		return nil
	}
	for i := 0; root.Kind == yaml.MappingNode && i+1 < len(root.Content); i += 2 {
		if is := root.Content[i+1].Value; root.Content[i].Value == "name" && is != name {
			p.add(at, "unknown-runbook", fmt.Sprintf("%s holds the runbook %s, not %s", file, clip(is), name), "give the file the name of its runbook")
			return nil
		}
	}
	p.called[name] = string(src)
	inner.runbook(root)
	book := inner.book
	frame.Inputs = book.Inputs
	step.Steps, step.Call = book.Steps, &Call{Name: name, Outputs: book.Outputs, Frame: frame}
	frame.Call = step.Call
	if step.Timeout == 0 {
		step.Timeout = book.Timeout
	}
	if handlers := len(book.OnFailure) + len(book.Finally); handlers > 0 && (p.scope.handler != nil || p.scope.item != nil) {
		p.add(at, "call-handlers", name+" has handlers of its own, which would run at the end of the run", "call it outside handlers and foreach")
	}
	p.onFailure, p.finally = append(p.onFailure, book.OnFailure...), append(p.finally, book.Finally...)
	return inner
}

func (p *parser) find(name string) (file string, src []byte, err error) {
	if p.library == nil {
		return "", nil, fmt.Errorf("there is no runbook %s here", name)
	}
	return p.library(name)
}

// given reads the inputs of a runbook that is called, and holds it to the
// service of its caller: the run has the locks of that one.
func (p *parser) given(step *Step, f fields, inner *parser) {
	n := f.node("with")
	if n == nil {
		n = &yaml.Node{Kind: yaml.MappingNode, Line: f.at("call").Line, Column: f.at("call").Col}
	}
	if n.Kind != yaml.MappingNode {
		p.add(posOf(n), "wrong-type", "with must be a mapping, not "+kindWord(n), "write NAME: value below it")
		return
	}
	wanted := typeOf(inner.book.Inputs)
	for _, in := range inner.book.Inputs {
		if !in.Required && in.Default == nil { // null is as if it were not given
			wanted.Fields[in.Name] = in.Type.OrNull()
		}
	}
	step.Call.With = p.value(n, inner.book.Name, p.scope.names(nil), wanted)
	given, at := inner.serviceGiven(n, f.at("call"))
	if inner.hasService && given != "" && (!p.hasService || sameText(given) != sameText(p.serviceText)) {
		p.add(at, "other-service", inner.book.Name+" acts on another service than this runbook, which has the locks of its own only",
			"give it the service of this runbook, in the same words as at the top")
	}
}

var ofInput = regexp.MustCompile(`^\$\{\{ *inputs\.([a-z0-9_]+) *\}\}$`)

// serviceGiven is the service of a runbook that is called, as its caller writes
// it, and where: where it is an input, what that is given, or its default. Empty:
// the caller has left out what it must give, and that is said.
func (p *parser) serviceGiven(with *yaml.Node, call Pos) (string, Pos) {
	m := ofInput.FindStringSubmatch(p.serviceText)
	if m == nil {
		return p.serviceText, call
	}
	for i := 0; i+1 < len(with.Content); i += 2 {
		if with.Content[i].Value == m[1] {
			return with.Content[i+1].Value, posOf(with.Content[i+1])
		}
	}
	for _, in := range p.book.Inputs {
		switch text, ok := in.Default.(string); {
		case in.Name != m[1]:
		case ok:
			return text, call
		case in.Required:
			return "", call
		}
	}
	return "nothing", call
}

// sameText is a text with templates in one spelling.
func sameText(text string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("${{", "${{ ", "}}", " }}").Replace(text)), " ")
}
