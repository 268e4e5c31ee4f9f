package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/firebreak-ops/firebreak/engine"
)

// writeEvents writes what the engine's own declarations say of its events.
func writeEvents(b *strings.Builder) error {
	b.WriteString(`Kinds never change their meaning; new ones, and new fields, may be added: ignore those that you do not know.
A ` + "`?`" + ` after a name: it may be left out. Times are RFC 3339; a ` + "`path`" + ` names a step, as in ` + "`firebreak runs show`" + `.
`)
	events, err := eventTypes(engine.EventSources)
	if err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(events)) {
		e := events[kind]
		fmt.Fprintf(b, "\n## %s\n\n%s\n", kind, e.doc)
		if len(e.fields) > 0 {
			b.WriteString("\n")
		}
		for _, f := range e.fields {
			b.WriteString(f + "\n")
		}
	}
	return nil
}

type eventType struct {
	doc    string
	fields []string
}

// eventTypes reads Go source: every type with a method Kind that returns a
// literal is an event.
func eventTypes(from fs.FS) (map[string]eventType, error) {
	files, err := fs.Glob(from, "*.go")
	if err != nil {
		return nil, err
	}
	types, kinds := map[string]*ast.GenDecl{}, map[string]string{}
	for _, name := range files {
		src, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments)
		if err != nil {
			return nil, err
		}
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
		spec, ok := types[name].Specs[0].(*ast.TypeSpec)
		if !ok {
			continue
		}
		if shape, ok := spec.Type.(*ast.StructType); ok {
			events[kind] = eventType{sentence(name, types[name].Doc.Text()), fieldsOf(shape)}
		}
	}
	return events, nil
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
