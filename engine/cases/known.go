package cases

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// variable refuses to expect a variable that no step sets.
func (p *parser) variable(name noted) {
	var names []string
	for _, s := range p.book.All() {
		for _, a := range s.Set {
			names = append(names, strings.TrimPrefix(s.Frame.Path+"/"+a.Name, "/"))
		}
	}
	if !p.recorded && !slices.Contains(names, p.index.template(name.text)) {
		p.file.Add(name.pos, "unknown-name", p.book.Name+" sets no variable "+name.text, suggest(name.text, names))
	}
}

// fields refuses to expect fields that a value of a type does not have. what
// says for messages who has them.
func (p *parser) fields(n *yaml.Node, t *expr.Type, what string) {
	switch {
	case p.recorded || t == nil:
	case n.Kind == yaml.SequenceNode:
		for _, item := range n.Content {
			p.fields(item, t.Elem, what)
		}
	case n.Kind == yaml.MappingNode && t.Fields != nil:
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i].Value
			field, ok := t.Field(name)
			if !ok && t.Loose {
				continue
			}
			if !ok {
				p.file.Add(runbook.PosOf(n.Content[i]), "unknown-field", what+" no "+name, suggest(name, sortedKeys(t.Fields)))
				continue
			}
			p.fields(n.Content[i+1], field, what)
		}
	}
}

// maybeUndo reports whether a call under a name may be that of an undo, which is
// given a receipt.
func (p *parser) maybeUndo(name string) bool {
	return strings.HasSuffix(name, partUndo) || slices.ContainsFunc(p.book.All(), func(s *runbook.Step) bool {
		undo := actionAt(s, partUndo)
		return undo != nil && undo.Name == name
	})
}

// onlyChanges refuses to expect of a step that it changes something which never
// does.
func (p *parser) onlyChanges(l *list) {
	if l == nil || p.recorded {
		return
	}
	for _, item := range l.items {
		s := p.index.step(item.text)
		if s == nil || s.Mutates() {
			continue
		}
		var inside []string
		runbook.Walk([]*runbook.Step{s}, func(s *runbook.Step) {
			if s.Mutates() {
				inside = append(inside, label(p.book, s.Path))
			}
		})
		hint := "name the step that does"
		if len(inside) > 0 {
			hint = "name what does: " + strings.Join(inside, ", ")
		}
		p.file.Add(item.pos, "conflict", label(p.book, item.text)+" changes nothing itself", hint)
	}
}
