package runbook

import (
	"go/ast"
	goparser "go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestProblemKinds holds the table of kinds to the ids that the code reports,
// and to the cases: each is reported somewhere, and shown by a case.
func TestProblemKinds(t *testing.T) {
	emitted, shown := emittedIDs(t), shownIDs(t)
	seen := map[string]bool{}
	for _, k := range ProblemKinds() {
		switch {
		case seen[k.ID]:
			t.Errorf("%s is there twice", k.ID)
		case k.What == "" || k.Why == "" || k.Mend == "" || !slices.Contains(ProblemGroups(), k.Group):
			t.Errorf("%s says too little: %+v", k.ID, k)
		case !emitted[k.ID]:
			t.Errorf("nothing reports %s", k.ID)
		case !shown[k.ID]:
			t.Errorf("no case of testdata/broken shows %s", k.ID)
		}
		seen[k.ID] = true
		if got, ok := KindOfProblem(k.ID); !ok || got != k {
			t.Errorf("%s is found as %+v", k.ID, got)
		}
	}
	for id := range emitted {
		if !seen[id] {
			t.Errorf("%s is reported, and no kind explains it", id)
		}
	}
	if _, ok := KindOfProblem("nonsense"); ok {
		t.Error("there is a kind of problem for an id that nothing reports")
	}
}

// emittedIDs are the ids that the source of this package and of the
// expressions reports.
func emittedIDs(t *testing.T) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for _, dir := range []string{".", "../expr"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			tree, err := goparser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				if id := emittedID(n); id != "" {
					ids[id] = true
				}
				return true
			})
		}
	}
	return ids
}

func emittedID(n ast.Node) string {
	var e ast.Expr
	switch n := n.(type) {
	case *ast.CallExpr:
		f, ok := n.Fun.(*ast.SelectorExpr)
		if ok && len(n.Args) > 2 && slices.Contains([]string{"add", "addf", "problem", "fail", "missing", "outside"}, f.Sel.Name) {
			e = n.Args[1]
		}
	case *ast.KeyValueExpr:
		if name, ok := n.Key.(*ast.Ident); ok && name.Name == "ID" {
			e = n.Value
		}
	}
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return ""
	}
	id, err := strconv.Unquote(literal.Value)
	if err != nil {
		return ""
	}
	return id
}

var goldenID = regexp.MustCompile(`(?m)^([a-z-]+) ` + caseFile + `:`)

func shownIDs(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("testdata/broken/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, golden, _ := strings.Cut(string(raw), ruler)
		for _, m := range goldenID.FindAllStringSubmatch(golden, -1) {
			ids[m[1]] = true
		}
	}
	return ids
}
