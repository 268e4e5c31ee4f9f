package runbook

import (
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

func suggest(word string, names []string) string { return expr.Suggest(word, names) }

// fields is a mapping that was read by its shape: what has a form of its own
// is a Go value, what needs the names in scope is still a node.
type fields struct {
	pos    Pos
	nodes  map[string]*yaml.Node
	values map[string]any
}

func (f fields) has(name string) bool        { return f.nodes[name] != nil }
func (f fields) node(name string) *yaml.Node { return f.nodes[name] }

func (f fields) at(name string) Pos {
	if n := f.nodes[name]; n != nil {
		return posOf(n)
	}
	return f.pos
}

func (f fields) text(name string) string {
	s, _ := f.values[name].(string)
	return s
}

func (f fields) words(name string, otherwise []string) []string {
	if words, ok := f.values[name].([]string); ok {
		return words
	}
	return otherwise
}

func (f fields) flag(name string) bool {
	b, _ := f.values[name].(bool)
	return b
}

func (f fields) count(name string, otherwise int) int {
	if n, ok := f.values[name].(int); ok {
		return n
	}
	return otherwise
}

func (f fields) duration(name string, otherwise time.Duration) time.Duration {
	if d, ok := f.values[name].(time.Duration); ok {
		return d
	}
	return otherwise
}

func (f fields) word(name, otherwise string) string {
	if s := f.text(name); s != "" {
		return s
	}
	return otherwise
}

// fields reads a mapping by its shape. It is false if the node is none.
func (p *parser) fields(n *yaml.Node, s *shape) (fields, bool) {
	f := fields{pos: posOf(n), nodes: map[string]*yaml.Node{}, values: map[string]any{}}
	if n.Kind != yaml.MappingNode {
		p.add(f.pos, "wrong-type", s.name+" must be a mapping, not "+kindWord(n), "its keys are "+strings.Join(s.names(), ", "))
		return f, false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		known, ok := s.key(k.Value)
		if !ok {
			p.add(posOf(k), "unknown-key", s.name+" has no key "+clip(k.Value), p.hintKey(k.Value, s))
			continue
		}
		f.nodes[k.Value] = v
		if value := p.formed(v, known); value != nil {
			f.values[k.Value] = value
		}
	}
	for _, k := range s.keys {
		if k.need && !f.has(k.name) {
			p.add(f.pos, "missing-key", s.name+" needs "+k.name, k.doc)
		}
	}
	return f, true
}

// hintKey names the key that was meant, or where the key belongs.
func (p *parser) hintKey(name string, s *shape) string {
	if near := expr.Nearest(name, s.names()); near != "" {
		return "did you mean " + near + "?"
	}
	return "its keys are " + strings.Join(s.names(), ", ")
}

// formed returns the Go value of a key whose form needs no scope; nil for the
// others, and after a problem.
func (p *parser) formed(n *yaml.Node, k key) any {
	switch k.form {
	case formText:
		s, ok := p.text(n, k.name)
		if ok && strings.Contains(s, "${{") {
			p.add(posOf(n), "no-template", k.name+" is read as it stands: it takes no ${{ }}", "write the text itself")
		} else if ok {
			return s
		}
	case formName, formID:
		return p.name(n, k)
	case formDate:
		if s := p.date(n, k.name); s != "" {
			return s
		}
	case formWord:
		if s := p.word(n, k.name, k.words); s != "" {
			return s
		}
	case formWords:
		return p.wordList(n, k)
	case formDuration:
		if d, ok := p.duration(n, k.name); ok {
			return d
		}
	case formCount:
		if i, ok := p.count(n, k.name, 1, 100); ok {
			return i
		}
	case formNumber:
		if i, ok := p.count(n, k.name, 0, MaxItems); ok {
			return i
		}
	case formFlag:
		return p.flag(n, k.name)
	case formTemplate, formCondition, formValue, formList, formValues, formShape, formShapes, formNamed, formSteps, formWait,
		formTexts, formTextsBy, formShapesBy, formSome, formListed, formVars:
	}
	return nil
}

func (p *parser) name(n *yaml.Node, k key) any {
	s, ok := p.text(n, k.name)
	if !ok {
		return nil
	}
	if k.form == formName && !nameForm.MatchString(s) {
		p.add(posOf(n), "name", quote(clip(s))+" is no name", "lower-case letters, digits and - between them")
		return nil
	}
	if k.form == formName && len(s) > maxName {
		p.addf(posOf(n), "name", "at most "+strconv.Itoa(maxName), "the name has %d characters", len(s))
		return nil
	}
	if k.form == formID && !idForm.MatchString(s) {
		p.add(posOf(n), "name", quote(clip(s))+" is no id", "a lower-case letter, then lower-case letters, digits and _")
		return nil
	}
	return s
}

func (p *parser) wordList(n *yaml.Node, k key) any {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		p.add(posOf(n), "wrong-type", k.name+" must be a list of words, not "+kindWord(n), "write ["+k.words[0]+"]")
		return nil
	}
	var words []string
	for _, item := range n.Content {
		if word := p.word(item, k.name, k.words); word != "" {
			words = append(words, word)
		}
	}
	return words
}

// list returns the entries of a list that must have some.
func (p *parser) list(n *yaml.Node, key string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		p.add(posOf(n), "wrong-type", key+" must be a list, not "+kindWord(n), "begin each entry with -")
		return nil
	}
	if len(n.Content) == 0 {
		p.add(posOf(n), "empty", key+" is empty", "")
	}
	return n.Content
}
