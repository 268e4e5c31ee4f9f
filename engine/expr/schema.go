package expr

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// schema is the part of JSON Schema that is read. What else a schema says is
// checked where plugins are called.
type schema struct {
	Ref         string                     `json:"$ref"`
	Defs        map[string]json.RawMessage `json:"$defs"`
	Definitions map[string]json.RawMessage `json:"definitions"`
	Type        json.RawMessage            `json:"type"`
	Properties  map[string]json.RawMessage `json:"properties"`
	Required    []string                   `json:"required"`
	Additional  json.RawMessage            `json:"additionalProperties"`
	Items       json.RawMessage            `json:"items"`
	Enum        []any                      `json:"enum"`
	Const       any                        `json:"const"`
	AnyOf       []json.RawMessage          `json:"anyOf"`
	OneOf       []json.RawMessage          `json:"oneOf"`
	Format      string                     `json:"format"`
	Pattern     string                     `json:"pattern"`
	Minimum     *float64                   `json:"minimum"`
	Maximum     *float64                   `json:"maximum"`
	MinItems    int                        `json:"minItems"`
	MinLength   int                        `json:"minLength"`
	Target      bool                       `json:"x-target"`
	Floor       *float64                   `json:"x-least"`
	Ceiling     *float64                   `json:"x-most"`
	Description string                     `json:"description"`
}

// maxSchemaDepth bounds the nesting of a schema.
const maxSchemaDepth = 64

// ParseSchema reads a JSON Schema. Keywords beyond the subset that a [Type]
// holds are passed over; nil or empty is any value.
func ParseSchema(raw []byte) (*Type, error) {
	if len(raw) == 0 {
		return Any(), nil
	}
	var root schema
	if raw[0] == '{' {
		if err := json.Unmarshal(raw, &root); err != nil {
			return nil, fmt.Errorf("read the schema: %w", err)
		}
	}
	reader := schemaReader{defs: map[string]json.RawMessage{}, done: map[string]*Type{}}
	for name, def := range root.Definitions {
		reader.defs["#/definitions/"+name] = def
	}
	for name, def := range root.Defs {
		reader.defs["#/$defs/"+name] = def
	}
	t, err := reader.read(raw, 0)
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return t, nil
}

type schemaReader struct {
	defs map[string]json.RawMessage
	done map[string]*Type
}

func (r *schemaReader) read(raw json.RawMessage, depth int) (*Type, error) {
	if depth > maxSchemaDepth {
		return nil, fmt.Errorf("it is nested deeper than %d", maxSchemaDepth)
	}
	switch strings.TrimSpace(string(raw)) {
	case "", "true":
		return Any(), nil
	case "false":
		return &Type{}, nil
	}
	var s schema
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	if s.Ref != "" {
		return r.ref(s.Ref, depth)
	}
	if either := eitherOf(s); either != nil {
		t, err := r.plain(s, depth)
		if err == nil {
			t.Either = either
		}
		return t, err
	}
	if arms := slices.Concat(s.AnyOf, s.OneOf); len(arms) > 0 {
		return r.union(arms, s, depth)
	}
	return r.plain(s, depth)
}

// eitherOf are the fields of which an object needs one, where anyOf says nothing
// else; nil: it says something else, or is not there.
func eitherOf(s schema) []string {
	var either []string
	for _, raw := range s.AnyOf {
		var arm map[string]json.RawMessage
		var names []string
		if json.Unmarshal(raw, &arm) != nil || len(arm) != 1 || json.Unmarshal(arm["required"], &names) != nil || len(names) != 1 {
			return nil
		}
		either = append(either, names[0])
	}
	return either
}

func (r *schemaReader) ref(ref string, depth int) (*Type, error) {
	if t, ok := r.done[ref]; ok {
		return t, nil
	}
	def, ok := r.defs[ref]
	if !ok {
		return nil, fmt.Errorf("$ref %q leads nowhere: only #/$defs/NAME is read", ref)
	}
	r.done[ref] = Any() // what refers to itself is not followed
	t, err := r.read(def, depth+1)
	if err != nil {
		return nil, err
	}
	r.done[ref] = t
	return t, nil
}

func (r *schemaReader) union(arms []json.RawMessage, s schema, depth int) (*Type, error) {
	var joined *Type
	for _, raw := range arms {
		t, err := r.read(raw, depth+1)
		if err != nil {
			return nil, err
		}
		if joined == nil {
			joined = t
		} else {
			joined = join(joined, t)
		}
	}
	if s.Description != "" {
		described := *joined
		described.Doc = s.Description
		return &described, nil
	}
	return joined, nil
}

var kindNames = map[string]Kind{
	"null": Null, "boolean": Bool, "integer": Int, "number": Num,
	"string": String, "array": List, "object": Object,
}

func (r *schemaReader) plain(s schema, depth int) (*Type, error) {
	kinds, err := readKinds(s.Type)
	if err != nil {
		return nil, err
	}
	t := &Type{Kinds: kinds, Format: s.Format, Doc: s.Description, Min: s.Minimum, Max: s.Maximum, Least: max(s.MinItems, s.MinLength), Target: s.Target, Floor: s.Floor, Ceiling: s.Ceiling}
	if s.Pattern != "" { // one that Go cannot read is left to whoever can
		t.Pattern, _ = regexp.Compile(s.Pattern)
	}
	if s.Const != nil {
		s.Enum = []any{s.Const}
	}
	t.readEnum(s.Enum)
	if kinds&List != 0 {
		if t.Elem, err = r.read(s.Items, depth+1); err != nil {
			return nil, err
		}
	}
	if kinds&Object == 0 {
		return t, nil
	}
	t.Required = map[string]bool{}
	// An object that names its fields and is silent about others may have
	// more, but an expression that reads one has most likely mistyped it.
	t.Loose = len(s.Additional) == 0 && len(s.Properties) > 0
	if string(s.Additional) != "false" && !t.Loose {
		if t.Extra, err = r.read(s.Additional, depth+1); err != nil {
			return nil, err
		}
	}
	for name, raw := range s.Properties {
		field, err := r.read(raw, depth+1)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if t.Fields == nil {
			t.Fields = map[string]*Type{}
		}
		t.Fields[name] = field
	}
	for _, name := range s.Required {
		if t.Fields[name] != nil {
			t.Required[name] = true
		}
	}
	return t, nil
}

func readKinds(raw json.RawMessage) (Kind, error) {
	if len(raw) == 0 {
		return anyKind, nil
	}
	var names []string
	if raw[0] == '[' {
		if err := json.Unmarshal(raw, &names); err != nil {
			return 0, err
		}
	} else {
		names = []string{""}
		if err := json.Unmarshal(raw, &names[0]); err != nil {
			return 0, err
		}
	}
	var kinds Kind
	for _, name := range names {
		kind, ok := kindNames[name]
		if !ok {
			return 0, fmt.Errorf("unknown type %q", name)
		}
		kinds |= kind
	}
	if kinds&Num != 0 && kinds&^(number|Null) != 0 { // of a scalar, 50 stays an integer
		kinds |= Int
	}
	return kinds, nil
}

// readEnum narrows the type to the strings of an enum; an enum that holds
// other scalars narrows nothing here.
func (t *Type) readEnum(values []any) {
	if len(values) == 0 {
		return
	}
	kinds, words := Kind(0), []string(nil)
	for _, value := range values {
		switch value := value.(type) {
		case nil:
			kinds |= Null
		case string:
			kinds |= String
			words = append(words, value)
		default:
			return
		}
	}
	t.Kinds &= kinds
	t.Enum = words
}
