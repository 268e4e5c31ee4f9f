package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// eventsPage is docs/events.md, from the engine's own declarations.
func eventsPage(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`# Events

What a run's journal holds: the ` + "`kind`" + ` and the ` + "`data`" + ` of every line of type ` + "`event`" + ` in [--json](json.md).
The page is made from the engine's declarations; a test holds it to them.
Kinds never change their meaning; new ones, and new fields, may be added: ignore those that you do not know.
A ` + "`?`" + ` after a name: it may be left out. Times are RFC 3339; a ` + "`path`" + ` names a step, as in ` + "`firebreak runs show`" + `.

`)
	events := eventTypes(t)
	for _, kind := range slices.Sorted(maps.Keys(events)) {
		e := events[kind]
		fmt.Fprintf(&b, "## %s\n\n%s\n\n", kind, e.doc)
		for _, f := range e.fields {
			b.WriteString(f + "\n")
		}
		if len(e.fields) > 0 {
			b.WriteString("\n")
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

type eventType struct {
	doc    string
	fields []string
}

// eventTypes reads the engine's source: every type with a method Kind that
// returns a literal is an event.
func eventTypes(t *testing.T) map[string]eventType {
	t.Helper()
	types, kinds := map[string]*ast.GenDecl{}, map[string]string{}
	for _, file := range sources(t, "../../engine") {
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				if spec, ok := d.Specs[0].(*ast.TypeSpec); ok {
					types[spec.Name.Name] = d
				}
			case *ast.FuncDecl:
				if kind, name := literalKind(d); kind != "" {
					kinds[kind] = name
				}
			}
		}
	}
	events := map[string]eventType{}
	for kind, name := range kinds {
		d := types[name]
		spec, _ := d.Specs[0].(*ast.TypeSpec)
		shape, ok := spec.Type.(*ast.StructType)
		if !ok {
			t.Fatalf("event %s is no struct", name)
		}
		events[kind] = eventType{sentence(name, d.Doc.Text()), fieldsOf(shape)}
	}
	if len(events) < 40 {
		t.Fatalf("only %d events are found", len(events))
	}
	return events
}

func literalKind(d *ast.FuncDecl) (kind, receiver string) {
	if d.Name.Name != "Kind" || d.Recv == nil || len(d.Body.List) != 1 {
		return "", ""
	}
	ret, ok := d.Body.List[0].(*ast.ReturnStmt)
	if !ok {
		return "", ""
	}
	literal, ok := ret.Results[0].(*ast.BasicLit)
	if !ok {
		return "", ""
	}
	name, ok := d.Recv.List[0].Type.(*ast.Ident)
	if !ok {
		return "", ""
	}
	kind, err := strconv.Unquote(literal.Value)
	if err != nil {
		return "", ""
	}
	return kind, name.Name
}

// sentence is a doc comment without the Go name that it begins with.
func sentence(name, doc string) string {
	text := strings.TrimSpace(strings.TrimPrefix(strings.Join(strings.Fields(doc), " "), name))
	return strings.ToUpper(text[:1]) + text[1:]
}

func fieldsOf(shape *ast.StructType) []string {
	var out []string
	for _, f := range shape.Fields.List {
		if f.Tag == nil {
			continue
		}
		tag, err := strconv.Unquote(f.Tag.Value)
		if err != nil {
			continue
		}
		name, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		line := "- `" + name + "`"
		if strings.Contains(options, "omit") {
			line += "?"
		}
		if comment := strings.TrimSpace(f.Comment.Text()); comment != "" {
			line += ": " + comment
		}
		out = append(out, line)
	}
	return out
}

// sources parses the Go files of a folder, tests left out.
func sources(t *testing.T, dir string) []*ast.File {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var out []*ast.File
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, parsed)
	}
	return out
}
