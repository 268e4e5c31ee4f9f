package runbook

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
)

type object = map[string]any

// Schema returns the JSON Schema (draft 2020-12) of a runbook, for editors.
// It says which keys there are and what form their values have; what they
// refer to only [Parse] can tell.
func Schema() json.RawMessage { return schemaOnce() }

var schemaOnce = sync.OnceValue(func() json.RawMessage {
	defs := object{}
	kinds := make([]any, 0, len(stepShapes))
	for i := range stepShapes {
		kinds = append(kinds, refTo(&stepShapes[i].shape, defs))
	}
	defs["step"] = object{"oneOf": kinds}
	return schemaOf(&runbookShape, defs)
})

// schemaOf writes the schema of a whole file, with what is defined already.
func schemaOf(s *shape, defs object) json.RawMessage {
	root := define(s, defs)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "firebreak " + s.def
	root["$defs"] = defs
	raw, err := json.Marshal(root)
	if err != nil {
		return json.RawMessage("true") // cannot be: it is made of texts and numbers
	}
	return raw
}

// define writes a shape as a schema, and the shapes below it into defs.
func define(s *shape, defs object) object {
	properties, required := object{}, []any{}
	for _, k := range s.keys {
		property := formSchema(k, defs)
		property["description"] = k.described()
		properties[k.name] = property
		if k.need {
			required = append(required, k.name)
		}
	}
	schema := object{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
	if len(s.either) > 0 {
		var rows []any
		for i, row := range s.either {
			rows = append(rows, object{"required": row, "properties": s.without(i)})
		}
		schema["oneOf"] = rows
	}
	if len(s.one) > 0 {
		var rows []any
		for _, name := range s.one {
			rows = append(rows, object{"required": []any{name}})
		}
		schema["oneOf"] = rows
	}
	if s.others != nil {
		schema["additionalProperties"] = formSchema(s.others.each(), defs)
		nameSchema(schema, s.others.names)
	}
	return schema
}

// without refuses what does not go with one row of [shape.either]: the keys of
// the others. A key of no row goes with the first.
func (s *shape) without(row int) object {
	no := object{}
	for _, k := range s.keys {
		own := slices.IndexFunc(s.either, func(names []string) bool { return slices.Contains(names, k.name) })
		if max(own, 0) != row {
			no[k.name] = false
		}
	}
	return no
}

// described is what an editor shows of a key.
func (k key) described() string {
	if k.otherwise == "" {
		return k.doc
	}
	return k.doc + "; " + strings.ReplaceAll(k.otherwise, "`", "") + " if left out"
}

func refTo(s *shape, defs object) object {
	if _, done := defs[s.def]; !done {
		defs[s.def] = true // a shape may hold itself
		defs[s.def] = define(s, defs)
	}
	return object{"$ref": "#/$defs/" + s.def}
}

func someOf(items any) object { return object{"type": "array", "minItems": 1, "items": items} }

// nameSchema says how the names of a mapping must look.
func nameSchema(mapping object, names *Look) {
	if names != nil {
		mapping["propertyNames"] = object{"pattern": names.Pattern.String()}
	}
}

func formSchema(k key, defs object) object {
	if k.byName {
		mapping := object{"type": "object", "additionalProperties": formSchema(k.each(), defs)}
		nameSchema(mapping, k.names)
		return mapping
	}
	switch k.form {
	case formName:
		return object{"type": "string", "pattern": nameForm.String(), "maxLength": maxName}
	case formID:
		return object{"type": "string", "pattern": idForm.String()}
	case formDate:
		return object{"type": "string", "pattern": `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`}
	case formWord:
		return object{"enum": k.words}
	case formWords:
		return someOf(object{"enum": k.words})
	case formDuration:
		return durationSchema()
	case formCount:
		return object{"type": "integer", "minimum": 1, "maximum": k.upTo()}
	case formAmount:
		share := object{"type": "string", "pattern": shareForm.String()}
		return object{"oneOf": []any{object{"type": "integer", "minimum": 1, "maximum": k.upTo()}, share}}
	case formNumber:
		return object{"type": "integer", "minimum": 0, "maximum": 1000}
	case formFlag:
		return object{"type": "boolean"}
	case formCondition:
		return object{"type": []any{"string", "boolean"}, "pattern": notBlank}
	case formValue:
		return object{}
	case formList:
		return object{"oneOf": []any{someOf(object{}), object{"type": "string", "minLength": 1}}}
	case formValues:
		return object{"type": "object"}
	case formShape:
		return refTo(k.of, defs)
	case formShapes:
		return someOf(refTo(k.of, defs))
	case formNamed:
		return object{"type": "object", "additionalProperties": refTo(k.of, defs), "propertyNames": object{"pattern": idForm.String()}}
	case formSteps:
		return someOf(object{"$ref": "#/$defs/step"})
	case formWait:
		return object{"oneOf": []any{durationSchema(), refTo(k.of, defs)}}
	case formTexts:
		return textsSchema()
	case formTextsBy:
		return object{"type": "object", "additionalProperties": textsSchema()}
	case formShapesBy:
		return object{"type": "object", "additionalProperties": oneOrSome(k.of, defs)}
	case formSome:
		return oneOrSome(k.of, defs)
	case formListed:
		return object{"type": "array", "items": object{"oneOf": []any{textSchema(), refTo(k.of, defs)}}}
	case formVars:
		return object{"type": "object", "minProperties": 1, "propertyNames": object{"pattern": idForm.String()}}
	case formTemplate:
		return textSchema()
	case formTextList:
		return someOf(plainSchema(k))
	case formText:
	}
	return plainSchema(k)
}

// plainSchema is a text that is read as it stands.
func plainSchema(k key) object {
	plain := textSchema()
	if k.like != nil {
		plain["pattern"] = k.like.Pattern.String()
	}
	plain["not"] = object{"pattern": `\$\{\{`}
	return plain
}

func oneOrSome(s *shape, defs object) object {
	one := refTo(s, defs)
	return object{"oneOf": []any{one, someOf(one)}}
}

// notBlank is the pattern of a text that says something.
const notBlank = `\S`

func textSchema() object { return object{"type": "string", "pattern": notBlank} }

func textsSchema() object {
	return object{"oneOf": []any{textSchema(), object{"type": "array", "items": textSchema()}}}
}

func durationSchema() object {
	return object{"type": "string", "pattern": `^([0-9]+d)?(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*$`, "minLength": 2}
}
