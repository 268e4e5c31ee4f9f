package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
)

func (s *Server) openAPI(*http.Request, Caller) (int, any, error) {
	doc, err := s.OpenAPI()
	return http.StatusOK, doc, err
}

// OpenAPI describes the API as OpenAPI 3.1. It is made from the routes and the
// types that they take and give.
func (s *Server) OpenAPI() (json.RawMessage, error) {
	d := describer{schemas: map[string]*jsonschema.Schema{}}
	paths := map[string]map[string]any{}
	for _, rt := range s.routes() {
		op, err := d.operation(rt)
		if err != nil {
			return nil, fmt.Errorf("describe %s %s: %w", rt.method, rt.path, err)
		}
		if paths[rt.path] == nil {
			paths[rt.path] = map[string]any{}
		}
		paths[rt.path][strings.ToLower(rt.method)] = op
	}
	return json.Marshal(map[string]any{
		"openapi": "3.1.0",
		"info":    map[string]any{"title": "firebreak", "version": s.cfg.Version, "description": "Readers ignore fields that they do not know. A GET never decides anything."},
		"paths":   paths,
		"components": map[string]any{
			"schemas": d.schemas,
			"securitySchemes": map[string]any{
				"token":  map[string]any{"type": "http", "scheme": "bearer", "description": "What `firebreak tokens create` prints."},
				"source": map[string]any{"type": "http", "scheme": "bearer", "description": "The secret of an alert source; some sign the body instead."},
			},
		},
	})
}

// describer gathers the schemas of named types.
type describer struct{ schemas map[string]*jsonschema.Schema }

var pathParameter = regexp.MustCompile(`\{([a-z]+)\}`)

func (d *describer) operation(rt route) (map[string]any, error) {
	op := map[string]any{"summary": rt.about, "operationId": operationID(rt)}
	var params []any
	for _, m := range pathParameter.FindAllStringSubmatch(rt.path, -1) {
		params = append(params, map[string]any{"name": m[1], "in": "path", "required": true, "schema": map[string]any{"type": "string"}})
	}
	for _, p := range rt.query {
		schema := map[string]any{"type": p.kind}
		if p.kind == "date-time" {
			schema = map[string]any{"type": "string", "format": p.kind}
		}
		params = append(params, map[string]any{"name": p.name, "in": "query", "description": p.about, "schema": schema})
	}
	if params != nil {
		op["parameters"] = params
	}
	switch rt.needs {
	case needsNothing:
		op["security"] = []any{}
	case needsSource:
		op["security"] = []any{map[string]any{"source": []string{}}}
	case needsSocket:
		op["description"] = "Only through the socket."
		op["security"] = []any{}
	default:
		op["description"] = "Needs the right `" + string(rt.needs) + "`."
		op["security"] = []any{map[string]any{"token": []string{}}}
	}
	if rt.takes != nil {
		body, err := d.of(reflect.TypeOf(rt.takes))
		if err != nil {
			return nil, err
		}
		op["requestBody"] = map[string]any{"content": content("application/json", body)}
	}
	good := map[string]any{"description": "Done"}
	if rt.gives != nil {
		body, err := d.of(reflect.TypeOf(rt.gives))
		if err != nil {
			return nil, err
		}
		format := rt.format
		if format == "" {
			format = "application/json"
		}
		good["content"] = content(format, body)
	} else if rt.format != "" {
		good["content"] = content(rt.format, &jsonschema.Schema{Type: "string"})
	}
	if slices.ContainsFunc(rt.query, func(p parameter) bool { return p.name == "after" }) {
		good["headers"] = map[string]any{"Link": map[string]any{
			"description": `Where the listing goes on, if there is more: </v1/…?after=…>; rel="next" (RFC 8288)`, "schema": map[string]any{"type": "string"},
		}}
	}
	told, err := d.of(reflect.TypeFor[Problem]())
	if err != nil {
		return nil, err
	}
	op["responses"] = map[string]any{
		strconv.Itoa(rt.good()): good,
		"default":               map[string]any{"description": "Why not", "content": content("application/json", told)},
	}
	return op, nil
}

// good is the status of a good answer.
func (rt route) good() int {
	if rt.status == 0 {
		return http.StatusOK
	}
	return rt.status
}

func content(format string, schema *jsonschema.Schema) map[string]any {
	return map[string]any{format: map[string]any{"schema": schema}}
}

// operationID names an operation for those who generate clients.
func operationID(rt route) string {
	words := []string{strings.ToLower(rt.method)}
	for part := range strings.SplitSeq(strings.TrimPrefix(rt.path, "/v1/"), "/") {
		words = append(words, strings.Trim(strings.TrimSuffix(part, ".json"), "{}"))
	}
	return strings.ReplaceAll(strings.Join(words, "_"), "-", "_")
}

// of returns the schema of a type. A struct of ours gets a name, under which
// it is described once.
func (d *describer) of(t reflect.Type) (*jsonschema.Schema, error) {
	known := map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[json.RawMessage](): {}, // anything
		reflect.TypeFor[time.Time]():       {Type: "string", Format: "date-time"},
	}
	if err := d.name(t, known); err != nil {
		return nil, err
	}
	return jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: known})
}

// name describes every struct that a type is made of, those within others
// first, and notes in known how it is referred to.
func (d *describer) name(t reflect.Type, known map[reflect.Type]*jsonschema.Schema) error {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return d.name(t.Elem(), known)
	case reflect.Struct:
	default:
		return nil
	}
	if known[t] != nil {
		return nil
	}
	for f := range t.Fields() {
		if err := d.name(f.Type, known); err != nil {
			return err
		}
	}
	others := maps.Clone(known)
	for f := range t.Fields() {
		if f.Anonymous {
			delete(others, f.Type) // its fields are those of t
		}
	}
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: others})
	if err != nil {
		return err
	}
	// Fields are added, and a pointer is left out rather than null.
	s.AdditionalProperties = nil
	for _, p := range s.Properties {
		if p.Ref != "" {
			p.Types = nil
		}
	}
	known[t] = &jsonschema.Schema{Ref: "#/components/schemas/" + t.Name()}
	if was := d.schemas[t.Name()]; was != nil && !slices.Equal(slices.Sorted(maps.Keys(was.Properties)), slices.Sorted(maps.Keys(s.Properties))) {
		return fmt.Errorf("two types are called %s", t.Name())
	}
	d.schemas[t.Name()] = s
	return nil
}

// Endpoint is one thing that can be asked, for pages about it.
type Endpoint struct {
	Method, Path string
	Needs        string // a right; or nothing, source or socket
	About        string
	Query        []string
	Takes, Gives string // names of schemas; empty: none
}

// Endpoints are all of them, in the order in which people read them.
func Endpoints() []Endpoint {
	var all []Endpoint
	for _, rt := range (&Server{}).routes() {
		e := Endpoint{Method: rt.method, Path: rt.path, Needs: string(rt.needs), About: rt.about, Takes: nameOf(rt.takes), Gives: nameOf(rt.gives)}
		for _, p := range rt.query {
			e.Query = append(e.Query, p.name)
		}
		all = append(all, e)
	}
	return all
}

func nameOf(v any) string {
	switch t := reflect.TypeOf(v); {
	case t == nil || t == reflect.TypeFor[json.RawMessage]():
		return ""
	case t.Kind() == reflect.Slice:
		return "list of " + t.Elem().Name()
	default:
		return t.Name()
	}
}
