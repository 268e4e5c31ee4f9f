package main

import (
	"encoding/json"
	"go/ast"
	"go/token"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/engine/service"
	"github.com/firebreak-ops/firebreak/runbooks/drills"
	"github.com/firebreak-ops/firebreak/server"
)

// TestDocsRunbookKeys finds every key of the language in its page.
func TestDocsRunbookKeys(t *testing.T) {
	text := page(t, "runbooks.md")
	for _, def := range definitions(t, runbook.Schema()) {
		for _, key := range def {
			hasRow(t, "runbooks.md", text, key)
		}
	}
	for _, status := range []engine.Status{
		engine.StatusPending, engine.StatusRunning, engine.StatusWaiting, engine.StatusSucceeded, engine.StatusFailed,
		engine.StatusSkipped, engine.StatusUndone, engine.StatusInDoubt, engine.StatusCancelled,
	} {
		says(t, "runbooks.md", text, string(status))
	}
}

// TestDocsConfigKeys finds every key of firebreak.yaml, and every key of a
// built-in's section, in the page on configuration.
func TestDocsConfigKeys(t *testing.T) {
	text := page(t, "configuration.md")
	for _, def := range definitions(t, service.Schema()) {
		for _, key := range def {
			hasRow(t, "configuration.md", text, key)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(builtins())) {
		sections := builtins()[name].Describe().Config
		for _, capability := range slices.Sorted(maps.Keys(sections)) {
			for _, def := range definitions(t, sections[capability]) {
				for _, key := range def {
					hasRow(t, "configuration.md", text, key)
				}
			}
		}
	}
	for _, name := range capabilities() {
		says(t, "configuration.md", text, name)
	}
}

// definitions are the properties of a schema and of all that it defines.
func definitions(t *testing.T, raw json.RawMessage) [][]string {
	t.Helper()
	type object struct {
		Properties           map[string]json.RawMessage `json:"properties"`
		AdditionalProperties json.RawMessage            `json:"additionalProperties"`
	}
	var root struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(raw, &root); err != nil {
		t.Fatal(err)
	}
	out := [][]string{slices.Sorted(maps.Keys(root.Properties))}
	for _, name := range slices.Sorted(maps.Keys(root.Defs)) {
		out = append(out, slices.Sorted(maps.Keys(root.Defs[name].Properties)))
	}
	for _, p := range root.Properties {
		var inner object
		var named object
		if json.Unmarshal(p, &inner) == nil && json.Unmarshal(inner.AdditionalProperties, &named) == nil {
			out = append(out, slices.Sorted(maps.Keys(named.Properties)))
		}
	}
	return out
}

func hasRow(t *testing.T, file, text, key string) {
	t.Helper()
	if !strings.Contains(text, "\n| `"+key+"` |") {
		t.Errorf("docs/%s has no row for the key %s", file, key)
	}
}

func says(t *testing.T, file, text, word string) {
	t.Helper()
	if !strings.Contains(text, "`"+word+"`") {
		t.Errorf("docs/%s does not say `%s`", file, word)
	}
}

// TestDocsProblems finds every id of a problem in the page that explains it.
func TestDocsProblems(t *testing.T) {
	for file, dirs := range map[string][]string{
		"runbooks.md":      {"../../engine/runbook", "../../engine/expr"},
		"configuration.md": {"../../engine/service"},
	} {
		text := page(t, file)
		ids := map[string]bool{}
		for _, dir := range dirs {
			for _, f := range sources(t, dir) {
				ast.Inspect(f, func(n ast.Node) bool {
					if id := problemID(n); id != "" {
						ids[id] = true
					}
					return true
				})
			}
		}
		if len(ids) < 15 {
			t.Errorf("only %d ids of problems in %q", len(ids), dirs)
		}
		for _, id := range slices.Sorted(maps.Keys(ids)) {
			hasRow(t, file, text, id)
		}
	}
}

// problemID is the id that a call or a literal reports a problem under.
func problemID(n ast.Node) string {
	switch n := n.(type) {
	case *ast.CallExpr:
		f, ok := n.Fun.(*ast.SelectorExpr)
		if ok && len(n.Args) > 2 && slices.Contains([]string{"add", "addf", "fail"}, f.Sel.Name) {
			return literal(n.Args[1])
		}
	case *ast.KeyValueExpr:
		if name, ok := n.Key.(*ast.Ident); ok && name.Name == "ID" {
			return literal(n.Value)
		}
	}
	return ""
}

func literal(e ast.Expr) string {
	b, ok := e.(*ast.BasicLit)
	if !ok || b.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(b.Value)
	if err != nil {
		return ""
	}
	return text
}

// TestDocsEnvironment finds every variable that the command reads.
func TestDocsEnvironment(t *testing.T) {
	text := page(t, "configuration.md")
	seen := 0
	for _, f := range sources(t, ".") {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			if s, ok := call.Fun.(*ast.SelectorExpr); ok && (s.Sel.Name == "env" || s.Sel.Name == "Getenv") {
				if name := literal(call.Args[0]); name != "" {
					seen++
					says(t, "configuration.md", text, name)
				}
			}
			return true
		})
	}
	if seen < 4 {
		t.Errorf("only %d variables", seen)
	}
}

// TestDocsJSONTypes finds every type of line that the command writes.
func TestDocsJSONTypes(t *testing.T) {
	types := map[string]bool{"progress": true, "log": true} // they come from the owner
	for _, dir := range []string{".", "../../runbooks/drills"} {
		for _, f := range sources(t, dir) {
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.KeyValueExpr:
					key, isName := n.Key.(*ast.Ident)
					if literal(n.Key) == "type" || isName && key.Name == "Type" {
						types[literal(n.Value)] = true
					}
				case *ast.CompositeLit:
					if s, ok := n.Type.(*ast.StructType); ok && len(n.Elts) > 0 && s.Fields.List[0].Names[0].Name == "Type" {
						types[literal(n.Elts[0])] = true
					}
				}
				return true
			})
		}
	}
	delete(types, "") // made at run time: progress and log
	text := page(t, "json.md")
	if len(types) < 15 {
		t.Errorf("only %d types: %v", len(types), slices.Sorted(maps.Keys(types)))
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		if !strings.Contains(text, "\n### "+name+"\n") {
			t.Errorf("docs/json.md does not explain lines of type %s", name)
		}
	}
}

// TestDocsJSONFields finds every field of those lines.
func TestDocsJSONFields(t *testing.T) {
	text := page(t, "json.md")
	seen := map[reflect.Type]bool{}
	for _, v := range []any{
		drills.Result{}, drills.Worst{}, drills.ControlResult{},
		server.Summary{}, server.View{}, server.Progress{}, server.Pruned{}, engine.Stop{}, pluginLine{}, ruleLine{}, testedLine{},
	} {
		for _, name := range jsonNames(reflect.TypeOf(v), seen) {
			says(t, "json.md", text, name)
		}
	}
	if len(seen) < 10 {
		t.Errorf("only %d types", len(seen))
	}
}

func jsonNames(typ reflect.Type, seen map[reflect.Type]bool) []string {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || seen[typ] || typ == reflect.TypeFor[time.Time]() {
		return nil
	}
	seen[typ] = true
	var names []string
	for f := range typ.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			names = append(names, name)
		}
		names = append(names, jsonNames(f.Type, seen)...)
	}
	return names
}
