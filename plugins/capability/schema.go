package capability

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
)

// typeSchemas says how the types of this package that have a JSON form of
// their own look in a schema. Formats are annotations for people and tools.
func typeSchemas() map[reflect.Type]*jsonschema.Schema {
	return map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[time.Time]():   {Type: "string", Format: "date-time"},
		reflect.TypeFor[Duration]():    {Type: "string", Format: "go-duration"},
		reflect.TypeFor[Scalar]():      {Types: []string{"null", "boolean", "number", "string"}},
		reflect.TypeFor[Wave]():        {Types: []string{"integer", "string"}, Pattern: wavePattern, Minimum: new(1.0)},
		reflect.TypeFor[Cause]():       {Type: "string", Enum: enum(Causes())},
		reflect.TypeFor[Layer]():       {Type: "string", Enum: enum(Layers())},
		reflect.TypeFor[PoolerLimit](): {Type: "string", Enum: enum([]PoolerLimit{PoolSize, ReserveSize, MaxClients, MaxServers})},
		reflect.TypeFor[Approval]():    {Type: "string", Enum: enum([]Approval{PreApprovable, OneClick, ByHand})},
		reflect.TypeFor[Risk]():        {Type: "string", Enum: enum([]Risk{LowRisk, MediumRisk, HighRisk})},
		reflect.TypeFor[Strategy]():    {Type: "string", Enum: enum([]Strategy{InWaves, Rollout})},
		reflect.TypeFor[Stuck]():       {Type: "string", Enum: enum([]Stuck{StuckImagePull, StuckCrashLoop, StuckUnschedulable, StuckQuota, StuckProbe, StuckConfig, StuckDeadline})},
	}
}

func enum[S ~string](values []S) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// input infers the schema of an action's input. Fields with the tag
// target:"true" say what is changed, and the others how. edit, which may be nil,
// narrows what a Go type cannot say.
func input[T any](edit func(*jsonschema.Schema)) json.RawMessage {
	s, err := infer[T]()
	if err != nil {
		return nil
	}
	s.AdditionalProperties = &jsonschema.Schema{Not: &jsonschema.Schema{}}
	for name, value := range defaultsOf[T]() {
		if p := s.Properties[name]; p != nil {
			p.Default = value
		}
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		if field.Tag.Get("target") == "true" {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			s.Properties[name].Extra = map[string]any{"x-target": true}
		}
	}
	if edit != nil {
		edit(s)
	}
	return marshal(s)
}

// oneOf is that one of some fields must be there.
func oneOf(names ...string) []*jsonschema.Schema {
	var arms []*jsonschema.Schema
	for _, name := range names {
		arms = append(arms, &jsonschema.Schema{Required: []string{name}})
	}
	return arms
}

// output infers the schema of an action's output. Fields with the tag least are
// never below that, and those with the tag most never above, which nothing checks.
func output[T any]() json.RawMessage {
	s, err := infer[T]()
	if err != nil {
		return nil
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		for _, limit := range []string{"least", "most"} {
			if value := field.Tag.Get(limit); value != "" {
				name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
				property := s.Properties[name]
				if property.Extra == nil {
					property.Extra = map[string]any{}
				}
				property.Extra["x-"+limit] = json.Number(value)
			}
		}
	}
	return marshal(s)
}

func infer[T any]() (*jsonschema.Schema, error) {
	s, err := jsonschema.For[T](&jsonschema.ForOptions{TypeSchemas: typeSchemas()})
	if err != nil {
		return nil, err
	}
	relax(s)
	return s, nil
}

// relax opens every object, so that a plugin may say more than the contract,
// and corrects two inferences: a list is never null (see [List]), and the
// enum of a nullable field allows null.
func relax(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if s.Properties != nil {
		s.AdditionalProperties = nil
	}
	if slices.Equal(s.Types, []string{"null", "array"}) {
		s.Type, s.Types = "array", nil
	}
	if s.Enum != nil && slices.Contains(s.Types, "null") {
		s.Enum = append(s.Enum, nil)
	}
	for _, p := range s.Properties {
		relax(p)
	}
	relax(s.Items)
	relax(s.AdditionalProperties)
}

// marshal returns nil for what cannot be marshalled, as infer's callers do for
// what cannot be inferred: both are mistakes in this package, which its tests
// find, and there is no caller who could do anything about them.
func marshal(s *jsonschema.Schema) json.RawMessage {
	b, err := json.Marshal(s)
	if err != nil {
		return nil
	}
	return b
}
