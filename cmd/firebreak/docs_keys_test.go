package main

import (
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
	"github.com/firebreak-ops/firebreak/runbooks/drills"
	"github.com/firebreak-ops/firebreak/server"
)

// TestDocsWords finds the words of the language that no table of the
// reference holds, in the guides.
func TestDocsWords(t *testing.T) {
	text := page(t, "runbooks.md")
	for _, status := range []engine.Status{
		engine.StatusPending, engine.StatusRunning, engine.StatusWaiting, engine.StatusSucceeded, engine.StatusFailed,
		engine.StatusSkipped, engine.StatusUndone, engine.StatusInDoubt, engine.StatusCancelled,
	} {
		says(t, "runbooks.md", text, string(status))
	}
	for _, name := range capabilities() {
		says(t, "configuration.md", page(t, "configuration.md"), name)
	}
}

func says(t *testing.T, file, text, word string) {
	t.Helper()
	if !strings.Contains(text, "`"+word+"`") {
		t.Errorf("docs/%s does not say `%s`", file, word)
	}
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
		engine.Head{}, server.View{}, server.Progress{}, server.Pruned{}, server.Reloaded{}, engine.Stop{}, pluginLine{}, ruleLine{}, testedLine{}, diagnosis{}, proofLine{}, server.AlertView{}, slackLine{},
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
