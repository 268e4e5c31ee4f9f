package runbook

import (
	"encoding/json"
	"time"

	"gopkg.in/yaml.v3"
)

// What other packages need to read files of their own as a runbook is read,
// and to make the JSON Schema of them: tables of keys in the same forms.
type (
	// Shape is a mapping: its keys, and what they hold.
	Shape = shape
	// Key is one key of a mapping.
	Key = key
	// Form says what the value of a key looks like.
	Form = form
	// Fields is a mapping that was read by its shape.
	Fields = fields
)

// The forms that the value of a key may have.
const (
	FormText     = formText     // text as it stands
	FormName     = formName     // a name of letters, digits and -
	FormWord     = formWord     // one of the key's words
	FormDuration = formDuration // 90s, 1m30s, 2d
	FormCount    = formCount    // an integer from 1
	FormAmount   = formAmount   // such a count, or a share: 25%
	FormFlag     = formFlag     // true or false
	FormValue    = formValue    // any value
	FormValues   = formValues   // names and values
	FormShape    = formShape    // a mapping
	FormShapes   = formShapes   // a list of mappings
	FormTexts    = formTexts    // one text, or a list of them
	FormTextsBy  = formTextsBy  // names and those
	FormShapesBy = formShapesBy // names, and to each one mapping or a list of them
	FormSome     = formSome     // one mapping, or a list of them
	FormListed   = formListed   // a list of texts or of mappings
	FormTextList = formTextList // a list of texts
	FormWords    = formWords    // a list of the key's words
)

// NewKey returns a key that may be left out.
func NewKey(name string, form Form, doc string) Key { return key{name: name, form: form, doc: doc} }

// Needed returns the key as one that may not be left out.
func (k key) Needed() Key {
	k.need = true
	return k
}

// Of returns the key with the shape of what it holds.
func (k key) Of(s *Shape) Key {
	k.of = s
	return k
}

// OneOf returns the key with the words that it may hold.
func (k key) OneOf(words ...string) Key {
	k.words = words
	return k
}

// Else returns the key with what holds where it is left out.
func (k key) Else(otherwise string) Key {
	k.otherwise = otherwise
	return k
}

// Like returns the key with how its text must look.
func (k key) Like(l *Look) Key {
	k.like = l
	return k
}

// UpTo returns the key with the most that its count may be.
func (k key) UpTo(most int) Key {
	k.most = most
	return k
}

// ByName returns the key as one that holds names, and to each what its form
// says. nil: the names may look as they like.
func (k key) ByName(names *Look) Key {
	k.byName, k.names = true, names
	return k
}

// Name and Doc are what is told of a key.
func (k key) Name() string { return k.name }

// Doc says in a few words what the key is for.
func (k key) Doc() string { return k.doc }

// NewShape returns the mapping with these keys; name is for messages, def for
// the JSON Schema. The keys of a shape that holds itself may be added later.
func NewShape(name, def string, keys ...Key) *Shape { return &shape{name: name, def: def, keys: keys} }

// With returns the shape as one that has other keys than those of its table,
// and what they hold.
func (s *shape) With(others Key) *Shape {
	s.others = &others
	return s
}

// One returns the shape as one that has exactly one of these keys.
func (s *shape) One(keys ...string) *Shape {
	s.one = keys
	return s
}

// Keys returns the keys of a shape, in their order.
func (s *shape) Keys() []Key { return s.keys }

// Has reports whether a key is written.
func (f fields) Has(name string) bool { return f.has(name) }

// Node returns the value of a key, or nil.
func (f fields) Node(name string) *yaml.Node { return f.node(name) }

// At returns where the value of a key stands, or the mapping without it.
func (f fields) At(name string) Pos { return f.at(name) }

// Text returns the text, name or word of a key, or "".
func (f fields) Text(name string) string { return f.text(name) }

// Flag returns whether a key holds true.
func (f fields) Flag(name string) bool { return f.flag(name) }

// Count returns the count of a key, or 0.
func (f fields) Count(name string) int { return f.count(name, 0) }

// Duration returns the duration of a key, or 0.
func (f fields) Duration(name string) time.Duration { return f.duration(name, 0) }

// Words returns the texts of a list of them.
func (f fields) Words(name string) []Word {
	words, _ := f.values[name].([]Word)
	return words
}

// Entries returns the names that a key holds, in the order written.
func (f fields) Entries(name string) []Entry {
	entries, _ := f.values[name].([]Entry)
	return entries
}

// Others returns the keys that are not in the table, in the order written.
func (f fields) Others() []Entry { return f.others }

// Value returns what a key with a form of its own holds: a string, a
// time.Duration, an int, a Percent, a bool or words; nil without it.
func (f fields) Value(name string) any { return f.values[name] }

// File is a file that is read as strictly as a runbook. It collects problems.
type File struct{ p *parser }

// ReadFile reads the YAML of a file called name. holds says for messages what
// it should hold, and begin how that begins. The node is nil after a problem.
func ReadFile(name string, src []byte, holds, begin string) (*File, *yaml.Node) {
	f := NewFile(name)
	f.p.holds, f.p.begin = holds, begin
	return f, f.p.document(src)
}

// ReadPrivate reads the YAML of a file in which a secret may stand, by mistake:
// no message shows a line of it. It may be empty: the node is then nil, as it
// is after a problem.
func ReadPrivate(name string, src []byte) (*File, *yaml.Node) {
	f := NewFile(name)
	f.p.private = true
	return f, f.p.document(src)
}

// NewFile returns a file that was read before, to report more problems of it.
func NewFile(name string) *File { return &File{&parser{problems: problems{file: name}}} }

// Problems returns what is wrong with the file, in the order of a reader.
func (f *File) Problems() []Problem {
	if len(f.p.found) == 0 {
		return nil
	}
	return f.p.sorted()
}

// Add reports a problem. id is stable.
func (f *File) Add(at Pos, id, what, hint string) { f.p.add(at, id, what, hint) }

// Fields reads a mapping by its shape. It is false if the node is none.
func (f *File) Fields(n *yaml.Node, s *Shape) (Fields, bool) { return f.p.fields(n, s) }

// List returns the entries of a list. It is false if the node is none.
func (f *File) List(n *yaml.Node, key string) ([]*yaml.Node, bool) {
	if n.Kind == yaml.SequenceNode {
		return n.Content, true
	}
	f.p.list(n, key)
	return nil, false
}

// TextOf returns a text that YAML reads as text.
func (f *File) TextOf(n *yaml.Node, key string) (string, bool) { return f.p.text(n, key) }

// Literal returns a value as JSON has it: nil, bool, int, float64, string,
// []any or map[string]any. Templates are text. It is false after a problem.
func (f *File) Literal(n *yaml.Node) (any, bool) {
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		whole := true
		for i := 0; i+1 < len(n.Content); i += 2 {
			v, ok := f.Literal(n.Content[i+1])
			m[n.Content[i].Value], whole = v, whole && ok
		}
		return m, whole
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		whole := true
		for i, item := range n.Content {
			v, ok := f.Literal(item)
			list[i], whole = v, whole && ok
		}
		return list, whole
	default:
		return f.p.literal(n)
	}
}

// PosOf returns where a node stands.
func PosOf(n *yaml.Node) Pos { return posOf(n) }

// KindOf says what a node is, for messages.
func KindOf(n *yaml.Node) string { return kindWord(n) }

// SchemaOf returns the JSON Schema (draft 2020-12) of a file with this shape.
func SchemaOf(s *Shape) json.RawMessage { return schemaOf(s, object{}) }
