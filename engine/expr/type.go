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
	Extra    *Type            // of an object's other fields; nil: none can be read
	Loose    bool             // of an object: other fields may be there all the same
	Elem     *Type            // of a list
	Enum     []string         // the strings allowed; nil: all
	Format   string           // of a string: go-duration, date-time
	Pattern  *regexp.Regexp   // of a string; nil: any
	Doc      string
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
		case k.kind == String && len(t.Enum) > 0 && len(t.Enum) <= 12:
			word = "one of " + strings.Join(t.Enum, ", ")
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
