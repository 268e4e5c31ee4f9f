package expr

import (
	"regexp"
	"slices"
	"strings"
)

// Kind is a set of kinds of value.
type Kind uint8

// The kinds of value. An int is also a number wherever one is wanted.
const (
	Null Kind = 1 << iota
	Bool
	Int
	Num
	String
	List
	Object

	number  = Int | Num
	anyKind = Null | Bool | Int | Num | String | List | Object
)

// Type is what is known of a value before the run: the subset of JSON Schema
// that the language reads. A nil *Type knows nothing. A Type is immutable.
type Type struct {
	Kinds    Kind
	Fields   map[string]*Type // of an object, by name
	Required map[string]bool  // the fields that are always there
	Either   []string         // fields of which one is always there; nil: none
	Extra    *Type            // of an object's other fields; nil: none can be read
	Loose    bool             // of an object: other fields may be there all the same
	Elem     *Type            // of a list
	Enum     []string         // the strings allowed; nil: all
	Format   string           // of a string: go-duration, date-time
	Pattern  *regexp.Regexp   // of a string; nil: any
	Min, Max *float64         // of a number; nil: any
	Floor    *float64         // of a number, which is never below: x-least in a schema; nil: nobody says so
	Ceiling  *float64         // the same above: x-most
	Least    int              // how many items a list has at least, or characters a string
	Target   bool             // it says what an action changes, where the others say how: x-target in a schema
	Doc      string

	chance bool   // it is null only where nothing was found; see [Type.ByChance]
	absent string // of what may be absent: the name that it has there; see [Type.Absent]
}

// formatDuration is the format of a duration in Go text, such as 1m30s.
const formatDuration = "go-duration"

// isDuration reports whether the values are durations and nothing else.
func (t *Type) isDuration() bool { return t.Kinds&^Null == String && t.Format == formatDuration }

// Any returns the type of a value about which nothing is known.
func Any() *Type { return anyType }

var anyType = func() *Type {
	t := &Type{Kinds: anyKind}
	t.Extra = t
	return t
}()

// Of returns the type of values of the given kinds.
func Of(kinds Kind) *Type {
	t := &Type{Kinds: kinds}
	if kinds&Object != 0 {
		t.Extra = Any()
	}
	return t
}

// OneOf returns the type of the strings given.
func OneOf(values ...string) *Type { return &Type{Kinds: String, Enum: values} }

// MapOf returns the type of an object with any fields of one type.
func MapOf(elem *Type) *Type { return &Type{Kinds: Object, Extra: elem} }

// Record returns the type of an object that has exactly these fields.
func Record(fields map[string]*Type) *Type {
	required := make(map[string]bool, len(fields))
	for name := range fields {
		required[name] = true
	}
	return &Type{Kinds: Object, Fields: fields, Required: required}
}

// OrNull returns the type that allows null, too.
func (t *Type) OrNull() *Type {
	if t == nil || t.Kinds&Null != 0 {
		return t
	}
	nullable := *t
	nullable.Kinds |= Null
	return &nullable
}

// MayBeNull reports whether null is one of the values. Of what nothing is known
// of it is not said.
func (t *Type) MayBeNull() bool { return t != nil && t.Kinds&Null != 0 && t.Kinds != anyKind }

// ByChance reports whether null is one of the values only as what is looked for in
// a list may not be there.
func (t *Type) ByChance() bool { return t != nil && t.chance }

// orNothing is OrNull of what is looked for in a list.
func (t *Type) orNothing() *Type {
	if t.Kinds&Null != 0 {
		return t
	}
	found := *t.OrNull()
	found.chance = true
	return &found
}

// Absent returns the type that allows null, too, as OrNull does, and whose
// readers must mind that: see [Program.Lapses]. name tells them apart.
func (t *Type) Absent(name string) *Type {
	absent := Any()
	if t != nil {
		absent = t
	}
	nullable := *absent
	nullable.Kinds |= Null
	nullable.absent = name
	return &nullable
}

// Strict returns the type whose objects have only the fields that are named,
// where the schema is silent about others.
func (t *Type) Strict() *Type {
	if t == nil || t == anyType || t.Fields == nil && t.Elem == nil {
		return t
	}
	strict := *t
	strict.Loose, strict.Elem = false, t.Elem.Strict()
	strict.Fields = make(map[string]*Type, len(t.Fields))
	for name, field := range t.Fields {
		strict.Fields[name] = field.Strict()
	}
	return &strict
}

func (t *Type) notNull() *Type {
	if t.Kinds&Null == 0 {
		return t
	}
	strict := *t
	strict.Kinds &^= Null
	return &strict
}

// Field returns the type of a field of an object, and whether there may be
// one of that name. A field that may be absent may be null.
func (t *Type) Field(name string) (*Type, bool) {
	if t == nil {
		return Any(), true
	}
	if field, ok := t.Fields[name]; ok {
		if !t.Required[name] {
			return field.OrNull(), true
		}
		return field, true
	}
	if t.Extra != nil {
		return t.Extra.OrNull(), true
	}
	return nil, false
}

// elem returns the type of a list's elements.
func (t *Type) elem() *Type {
	if t == nil || t.Elem == nil {
		return Any()
	}
	return t.Elem
}

// String names the type for people.
func (t *Type) String() string {
	if t == nil || t.Kinds == anyKind {
		return "any value"
	}
	var words []string
	for _, k := range kindWords {
		if t.Kinds&k.kind == 0 || k.kind == Null && t.Kinds != Null || k.kind == Int && t.Kinds&Num != 0 {
			continue
		}
		word := k.word
		switch {
		case k.kind == String && t.Format == formatDuration:
			word = "a duration"
		case k.kind == String && t.Format == "date-time":
			word = "a time"
		case k.kind == String && len(t.Enum) == 1:
			word = "the text " + clip(t.Enum[0])
		case k.kind == String && len(t.Enum) > 0 && len(t.Enum) <= 16:
			word = "one of " + strings.Join(slices.DeleteFunc(slices.Clone(t.Enum), func(word string) bool { return word == "" }), ", ")
		}
		words = append(words, word)
	}
	return strings.Join(words, " or ")
}

var kindWords = []struct {
	kind Kind
	word string
}{
	{Bool, "true or false"}, {Int, "an integer"}, {Num, "a number"}, {String, "text"},
	{List, "a list"}, {Object, "an object"}, {Null, "null"},
}

// accepts reports whether a value of type from can be given where t is
// wanted, and if not, why. Null is forgiven: whether a value that may be null
// is null shows only at run time, where it is an error.
func (t *Type) accepts(from *Type) (why string, ok bool) {
	if t == nil || from == nil {
		return "", true
	}
	if from.Kinds == Null && t.Kinds&Null == 0 {
		return "it is null, wanted " + t.String(), false
	}
	wanted := t.Kinds
	if wanted&Num != 0 {
		wanted |= Int
	}
	shared := from.Kinds & wanted
	if shared&^Null == 0 && from.Kinds != Null {
		return "it is " + from.notNull().String() + ", wanted " + t.String(), false
	}
	if shared&String != 0 && t.Enum != nil && from.Enum != nil {
		for _, value := range from.Enum {
			if slices.Contains(t.Enum, value) {
				return "", true
			}
		}
		return "it is " + from.String() + ", wanted " + t.String(), false
	}
	if shared&^Null == List {
		if why, ok := t.elem().accepts(from.elem()); !ok {
			return "an element: " + why, false
		}
	}
	if shared&^Null == Object {
		return t.acceptsFields(from)
	}
	return "", true
}

func (t *Type) acceptsFields(from *Type) (why string, ok bool) {
	for _, name := range sortedKeys(t.Required) {
		field, known := from.Field(name)
		if !known {
			return "it has no field " + name, false
		}
		if why, ok := t.Fields[name].accepts(field); !ok {
			return "field " + name + ": " + why, false
		}
	}
	return "", true
}

// Or returns the type of a value that is of one type or of another.
func (t *Type) Or(other *Type) *Type { return join(t, other) }

// join returns the type of a value that is one of two types.
func join(a, b *Type) *Type {
	switch {
	case a == nil || b == nil:
		return Any()
	case a.Kinds == Null:
		return b.OrNull()
	case b.Kinds == Null:
		return a.OrNull()
	case a == b:
		return a
	}
	joined := &Type{Kinds: a.Kinds | b.Kinds}
	if a.Enum != nil && b.Enum != nil {
		joined.Enum = append(slices.Clone(a.Enum), b.Enum...)
	}
	switch {
	case a.Kinds&List != 0 && b.Kinds&List != 0:
		if a.Elem != nil && b.Elem != nil {
			joined.Elem = join(a.Elem, b.Elem)
		}
	case a.Kinds&List != 0:
		joined.Elem = a.Elem
	default:
		joined.Elem = b.Elem
	}
	switch {
	case a.Kinds&Object != 0 && b.Kinds&Object != 0:
		joined.Extra = Any()
	case a.Kinds&Object != 0:
		joined.Fields, joined.Required, joined.Extra, joined.Loose = a.Fields, a.Required, a.Extra, a.Loose
	default:
		joined.Fields, joined.Required, joined.Extra, joined.Loose = b.Fields, b.Required, b.Extra, b.Loose
	}
	return joined
}
