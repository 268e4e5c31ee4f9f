package expr

import (
	"fmt"
	"slices"
	"strings"
)

// Value is a tree of literals and templates. It is immutable.
type Value struct {
	literal any
	program *Program // a template that is the whole value
	parts   []part   // a text with templates inside
	list    []*Value
	fields  map[string]*Value
	typ     *Type

	programs []*Program // all that are in it
}

// part is a piece of a text: literal, or the text of a program's value.
type part struct {
	literal string
	program *Program
}

// Literal returns a value that is always v: nil, bool, int, float64 or string.
func Literal(v any) *Value {
	typ := Of(kindOf(v))
	if s, ok := v.(string); ok {
		typ.Enum = []string{s}
	}
	return &Value{literal: v, typ: typ}
}

// ListOf returns a value that is a list.
func ListOf(items []*Value) *Value {
	v := &Value{list: items, typ: &Type{Kinds: List}}
	if v.list == nil {
		v.list = []*Value{}
	}
	for i, item := range items {
		v.programs = append(v.programs, item.programs...)
		if i == 0 {
			v.typ.Elem = item.typ
		} else {
			v.typ.Elem = join(v.typ.Elem, item.typ)
		}
	}
	return v
}

// ObjectOf returns a value that is an object.
func ObjectOf(fields map[string]*Value) *Value {
	types := make(map[string]*Type, len(fields))
	for name, field := range fields {
		types[name] = field.typ
	}
	v := &Value{fields: fields, typ: Record(types)}
	for _, name := range sortedKeys(fields) {
		v.programs = append(v.programs, fields[name].programs...)
	}
	return v
}

// Type returns the type of the value.
func (v *Value) Type() *Type { return v.typ }

// Len returns how many items a list has that is written out; -1: it is none.
func (v *Value) Len() int {
	if v.list == nil {
		return -1
	}
	return len(v.list)
}

// Whole returns the template that is the whole value; nil: it is more than that,
// or none.
func (v *Value) Whole() *Program { return v.program }

// Field returns the value of a field of an object, or nil.
func (v *Value) Field(name string) *Value {
	if v == nil {
		return nil
	}
	return v.fields[name]
}

// Programs returns every template of the value, in the order written where
// there is one, by field name otherwise.
func (v *Value) Programs() []*Program {
	if v == nil {
		return nil
	}
	return slices.Clip(v.programs)
}

// Eval computes the value. A nil *Value is an empty object. The result shares
// nothing with the value.
func (v *Value) Eval(vars Vars) (any, error) {
	switch {
	case v == nil:
		return map[string]any{}, nil
	case v.program != nil:
		return v.program.Any(vars)
	case v.parts != nil:
		return v.evalText(vars)
	case v.list != nil:
		list := make([]any, len(v.list))
		for i, item := range v.list {
			var err error
			if list[i], err = item.Eval(vars); err != nil {
				return nil, err
			}
		}
		return list, nil
	case v.fields != nil:
		object := make(map[string]any, len(v.fields))
		for _, name := range sortedKeys(v.fields) {
			var err error
			if object[name], err = v.fields[name].Eval(vars); err != nil {
				return nil, err
			}
		}
		return object, nil
	}
	return v.literal, nil
}

func (v *Value) evalText(vars Vars) (any, error) {
	var b strings.Builder
	for _, part := range v.parts {
		if part.program == nil {
			b.WriteString(part.literal)
			continue
		}
		value, err := part.program.Any(vars)
		if err != nil {
			return nil, err
		}
		if value == nil {
			return nil, part.program.failed(0, &NullError{Name: part.program.label}, vars)
		}
		piece, err := text(value)
		if err != nil {
			return nil, part.program.failed(0, err, vars)
		}
		if b.Len()+len(piece) > maxText {
			return nil, part.program.failed(0, fmt.Errorf("the text is longer than %d bytes", maxText), vars)
		}
		b.WriteString(piece)
	}
	return b.String(), nil
}
