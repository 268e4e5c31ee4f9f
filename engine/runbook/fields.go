package runbook

import (
	"slices"
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
	others []Entry // what is not in the shape's table, in the order written
}

// Entry is a name that stands in no table, and what is written for it.
type Entry struct {
	Name  string
	Pos   Pos // of the name
	Node  *yaml.Node
	Value any // as of [Fields.Value]
}

// Word is a text of a list, and where it stands.
type Word struct {
	Text string
	Pos  Pos
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
		if !ok && s.others != nil {
			f.others = p.entry(f.others, k, v, *s.others)
			continue
		}
		if !ok {
			hint := p.hintKey(k.Value, s)
			if i > 0 && n.Style&yaml.FlowStyle != 0 && v.Tag == "!!null" && v.Value == "" {
				hint = "inside { } a comma ends a text: put the text before it in quotes, as far as it goes"
			}
			p.add(posOf(k), "unknown-key", s.name+" has no key "+clip(k.Value), hint)
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
	p.one(f, s)
	return f, true
}

// one refuses a mapping that has none of the keys of which it must have one,
// or more.
func (p *parser) one(f fields, s *shape) {
	written := slices.DeleteFunc(slices.Clone(s.one), func(name string) bool { return !f.has(name) })
	if len(s.one) == 0 || len(written) == 1 {
		return
	}
	hints := make([]string, len(s.one))
	for i, name := range s.one {
		k, _ := s.key(name)
		hints[i] = name + ": " + k.doc
	}
	p.add(f.pos, "missing-key", s.name+" needs one of "+strings.Join(s.one, " and "), strings.Join(hints, "; "))
}

// entries reads a mapping of names that are in no table.
func (p *parser) entries(n *yaml.Node, k key) []Entry {
	if n.Kind != yaml.MappingNode {
		p.add(posOf(n), "wrong-type", k.name+" must be a mapping, not "+kindWord(n), "write a name, and below it, indented, what it stands for")
		return nil
	}
	var all []Entry
	for i := 0; i+1 < len(n.Content); i += 2 {
		all = p.entry(all, n.Content[i], n.Content[i+1], k)
	}
	return all
}

func (p *parser) entry(all []Entry, name, n *yaml.Node, k key) []Entry {
	if k.names != nil && !k.names.Pattern.MatchString(name.Value) {
		p.add(posOf(name), "name", quote(clip(name.Value))+" is not "+k.names.Is, k.names.Hint)
		return all
	}
	k = k.each()
	k.name = clip(name.Value)
	return append(all, Entry{name.Value, posOf(name), n, p.formed(n, k)})
}

// hintKey names the key that was meant, or where the key belongs.
func (p *parser) hintKey(name string, s *shape) string {
	if near := expr.Nearest(name, s.names()); near != "" {
		return "did you mean " + near + "?"
	}
	if name == "else" {
		return "write another step, with the opposite if"
	}
	return "its keys are " + strings.Join(s.names(), ", ")
}

// formed returns the Go value of a key whose form needs no scope; nil for the
// others, and after a problem.
func (p *parser) formed(n *yaml.Node, k key) any {
	if k.byName {
		return p.entries(n, k)
	}
	switch k.form {
	case formText:
		if s, ok := p.plain(n, k); ok {
			return s
		}
	case formTextList:
		return p.textList(n, k)
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
		if i, ok := p.count(n, k.name, 1, k.upTo()); ok {
			return i
		}
	case formAmount:
		return p.amount(n, k)
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

// plain reads a text as it stands.
func (p *parser) plain(n *yaml.Node, k key) (string, bool) {
	s, ok := p.text(n, k.name)
	switch {
	case !ok:
	case strings.Contains(s, "${{"):
		p.add(posOf(n), "no-template", k.name+" is read as it stands: it takes no ${{ }}", "write the text itself")
	case k.like != nil && !k.like.Pattern.MatchString(s):
		p.add(posOf(n), "wrong-type", k.name+" must be "+k.like.Is, k.like.Hint)
	default:
		return s, true
	}
	return "", false
}

func (p *parser) textList(n *yaml.Node, k key) []Word {
	var words []Word
	for _, item := range p.list(n, k.name) {
		if s, ok := p.plain(item, k); ok {
			words = append(words, Word{s, posOf(item)})
		}
	}
	return words
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
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		p.add(posOf(n), "empty", k.name+" is empty", "write ["+k.words[0]+"], or leave it out")
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		p.add(posOf(n), "wrong-type", k.name+" must be a list of words, not "+kindWord(n), "write ["+k.words[0]+"]")
		return nil
	}
	var words []string
	for _, item := range n.Content {
		word := p.word(item, k.name, k.words)
		if word != "" && slices.Contains(words, word) {
			p.add(posOf(item), "conflict", word+" is here twice", "remove one")
		}
		if word != "" {
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
