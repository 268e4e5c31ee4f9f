package runbook

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// place makes the errors of a program name their position, and remembers it
// for the checks that follow.
func (p *parser) place(n *yaml.Node, program *expr.Program) {
	src := p.src
	program.Place(func(at int) string { return src.where(n, at) })
	p.nodes[program] = n
}

// condition compiles an expression from the raw scalar: YAML's own reading of
// it means nothing.
func (p *parser) condition(n *yaml.Node, key string, names expr.Scope) *expr.Program {
	if !p.scalar(n, key+" must be a condition") {
		return nil
	}
	if strings.TrimSpace(n.Value) == "" {
		p.add(posOf(n), "empty-condition", key+" is empty", "write the condition, or leave "+key+" out")
		return nil
	}
	program, err := expr.Condition(n.Value, names)
	if err != nil {
		p.expression(n, err)
		return nil
	}
	p.place(n, program)
	return program
}

// expression reports what is wrong with an expression of a scalar.
func (p *parser) expression(n *yaml.Node, err *expr.Error) {
	at := p.src.locate(n, err.At)
	if cut, ok := p.cutComment(n); ok && err.ID == "syntax" {
		p.add(posOf(n), "yaml-comment", "YAML cuts the value at the # sign, where a comment begins", p.src.quoted(posOf(n), cut))
		return
	}
	if err.Base == "steps" {
		if _, exists := p.ids[err.Name]; exists {
			p.add(at, "not-yet-run", "step "+err.Name+" has not run here", "only steps above can be read: none that runs side by side, and none of the items of a foreach")
			return
		}
		p.add(at, "unknown-step", "there is no step "+clip(err.Name), suggest(err.Name, slices.Sorted(maps.Keys(p.ids))))
		return
	}
	if err.Base == "vars" {
		hint := "set it in a step above; what an item of a foreach sets is its own"
		if near := suggestOnly(err.Name, slices.Sorted(maps.Keys(p.scope.vars.Fields))); near != "" {
			hint = near
		}
		p.add(at, err.ID, "no step above sets vars."+clip(err.Name), hint)
		return
	}
	if err.Base == "run" && err.Name == "failure" {
		p.add(at, err.ID, "run.failure is known in on_failure and finally only", "")
		return
	}
	if err.Name == "result" && err.Base == "" {
		p.add(at, err.ID, "there is no result here: no action was just called", "read steps.ID.outputs")
		return
	}
	p.add(at, err.ID, err.What, err.Hint)
}

// cutComment returns the whole of a plain scalar's line if a comment follows.
func (p *parser) cutComment(n *yaml.Node) (string, bool) {
	if n.Style != 0 {
		return "", false
	}
	line := p.src.line(n.Line)
	text := line[byteAt(line, n.Column-1):]
	if !strings.HasPrefix(text, n.Value) || !strings.HasPrefix(strings.TrimLeft(text[len(n.Value):], " \t"), "#") {
		return "", false
	}
	return strings.TrimSpace(text), true
}

// ofText finds what was most likely not meant as a comment: it begins at once.
var ofText = regexp.MustCompile(`^\s+#[^\s#]`)

// template compiles a text that may hold templates.
func (p *parser) template(n *yaml.Node, key string, names expr.Scope) *expr.Value {
	s, ok := p.text(n, key)
	if !ok {
		return nil
	}
	if cut, ok := p.cutComment(n); ok && ofText.MatchString(cut[len(n.Value):]) {
		p.add(posOf(n), "yaml-comment", "YAML cuts the text at the # sign, where a comment begins", p.src.quoted(posOf(n), cut))
		return nil
	}
	return p.templateOf(n, s, names, text)
}

func (p *parser) templateOf(n *yaml.Node, s string, names expr.Scope, want *expr.Type) *expr.Value {
	v, err := expr.ParseTemplate(s, names, want)
	if err != nil {
		p.expression(n, err)
		return nil
	}
	for _, program := range v.Programs() {
		p.place(n, program)
	}
	return v
}

// value compiles any value and refuses it where its type is not the one that
// is wanted. It is nil after a problem.
func (p *parser) value(n *yaml.Node, key string, names expr.Scope, want *expr.Type) *expr.Value {
	if n.Kind == yaml.MappingNode {
		return p.object(n, key, names, want)
	}
	if n.Kind == yaml.SequenceNode {
		return p.listOf(n, key, names, want)
	}
	literal, ok := p.literal(n)
	if !ok {
		return nil
	}
	if s, ok := literal.(string); ok && (strings.Contains(s, "{{") || strings.Contains(s, "${")) {
		return p.templateOf(n, s, names, want)
	}
	fitting, err := want.Check(literal)
	if err != nil {
		hint := ""
		if _, isInt := literal.(int); isInt && want != nil && want.Format == "go-duration" {
			hint = fmt.Sprintf("write the unit, too: %ds", literal)
		} else if _, isText := literal.(string); !isText && want != nil && want.Kinds&expr.String != 0 && literal != nil {
			hint = p.src.quoted(posOf(n), n.Value)
		} else if want != nil {
			hint = want.Doc
		}
		p.add(posOf(n), "wrong-type", key+": "+err.Error(), hint)
		return nil
	}
	return expr.Literal(fitting)
}

func (p *parser) listOf(n *yaml.Node, key string, names expr.Scope, want *expr.Type) *expr.Value {
	if !p.wants(n, key, expr.List, want) {
		return nil
	}
	var elem *expr.Type
	if want != nil {
		elem = want.Elem
	}
	items := make([]*expr.Value, 0, len(n.Content))
	for _, item := range n.Content {
		if v := p.value(item, key, names, elem); v != nil {
			items = append(items, v)
		}
	}
	if len(items) < len(n.Content) {
		return nil
	}
	if want != nil && len(items) < want.Least {
		p.add(posOf(n), "wrong-type", fmt.Sprintf("%s: it has %d items, wanted at least %d", key, len(items), want.Least), want.Doc)
		return nil
	}
	return expr.ListOf(items)
}

func (p *parser) wants(n *yaml.Node, key string, kind expr.Kind, want *expr.Type) bool {
	if want == nil || want.Kinds&kind != 0 {
		return true
	}
	p.add(posOf(n), "wrong-type", key+": it is "+expr.Of(kind).String()+", wanted "+want.String(), want.Doc)
	return false
}

func (p *parser) object(n *yaml.Node, key string, names expr.Scope, want *expr.Type) *expr.Value {
	if !p.wants(n, key, expr.Object, want) {
		return nil
	}
	fields := make(map[string]*expr.Value, len(n.Content)/2)
	whole := true
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, v := n.Content[i].Value, n.Content[i+1]
		var wanted *expr.Type
		if want != nil {
			var ok bool
			if wanted, ok = want.Fields[name]; !ok {
				if wanted = want.Extra; wanted == nil {
					p.add(posOf(n.Content[i]), "unknown-input", key+" has no "+clip(name), suggest(name, slices.Sorted(maps.Keys(want.Fields))))
					whole = false
					continue
				}
			}
		}
		if fields[name] = p.value(v, name, names, wanted); fields[name] == nil {
			whole = false
		}
	}
	if want != nil {
		for _, name := range slices.Sorted(maps.Keys(want.Required)) {
			if _, ok := fields[name]; !ok && !has(n, name) {
				p.add(posOf(n), "missing-input", key+" needs "+name, want.Fields[name].Doc)
				whole = false
			}
		}
	}
	if want != nil && want.Either != nil && !slices.ContainsFunc(want.Either, func(name string) bool { return has(n, name) }) {
		p.add(posOf(n), "missing-input", key+" needs one of "+strings.Join(want.Either, ", "), "say which are meant")
		whole = false
	}
	if !whole {
		return nil
	}
	return expr.ObjectOf(fields)
}

func has(n *yaml.Node, name string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return true
		}
	}
	return false
}
