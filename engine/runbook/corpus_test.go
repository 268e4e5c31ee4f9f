package runbook

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine/yamltest"
)

// corpus are all runbooks of the repository, right ones and broken ones.
func corpus(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, dir := range []string{"testdata", "../../runbooks", "../../cmd/firebreak/testdata"} {
		if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !slices.Contains([]string{".yaml", ".txt"}, filepath.Ext(path)) {
				return err
			}
			src, err := os.ReadFile(path)
			if before, _, cut := strings.Cut(string(src), ruler); cut {
				src = []byte(before)
			}
			files[filepath.ToSlash(path)] = src
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if len(files) < 150 {
		t.Fatalf("only %d files", len(files))
	}
	return files
}

// TestSchemaIsTheParser holds schema and parser to each other over the corpus
// and over mutations of it, the same in every run.
func TestSchemaIsTheParser(t *testing.T) {
	schema := resolvedSchema(t)
	catalog := testCatalog(t)
	files := corpus(t)
	var cases, accepted, refused int
	compare := func(name string, src []byte) {
		_, problems := Parse(caseFile, src, catalog, testLibrary)
		v, ok := yamltest.AsJSON(src)
		if !ok {
			return // no editor could say more than that
		}
		cases++
		err := schema.Validate(v)
		if len(problems) == 0 {
			if accepted++; err != nil {
				t.Errorf("%s: the parser accepts what the schema refuses: %v\n%s", name, err, src)
			}
			return
		}
		if at := slices.IndexFunc(problems, func(p Problem) bool { return p.File == caseFile && structural(p) }); at >= 0 {
			if refused++; err == nil {
				t.Errorf("%s: the schema accepts what the parser refuses: %s %s\n%s", name, problems[at].ID, problems[at], src)
			}
		}
	}
	names := append(allStepKeys(), "of", "none", "type", "role")
	for _, name := range slices.Sorted(maps.Keys(files)) {
		compare(name, files[name])
		times := 15
		if _, problems := Parse(caseFile, files[name], catalog, testLibrary); len(problems) == 0 {
			times = 200 // nearer to what is right
		}
		yamltest.Mutants(name, files[name], names, times, compare)
	}
	t.Logf("%d cases, %d accepted, %d refused for their structure", cases, accepted, refused)
	if accepted < 300 || refused < 2000 {
		t.Errorf("of %d cases %d are accepted and %d refused for their structure: too few to prove anything", cases, accepted, refused)
	}
}

// structural says whether a problem is one of the form alone, which a schema
// can know: a key that is not there or must be, a value of another form, a
// word that is none of those that are possible.
func structural(p Problem) bool {
	switch p.ID {
	case "unknown-key", "missing-key", "word", "empty", "no-template", "empty-condition":
		return true
	case "conflict": // else it is a rule about inputs, or of the action
		return strings.Contains(p.What, "none") || strings.Contains(p.What, "cannot have") || strings.Contains(p.What, "does nothing")
	case "wrong-type": // else it is the type of an expression, or of a contract
		return strings.Contains(p.What, " must be ")
	case "name": // some names have a meaning
		return !strings.Contains(p.What, "no step can have the id")
	case "duration": // how long it may be is a rule
		_, given, is := strings.Cut(p.What, "must be a duration, not ")
		_, err := time.ParseDuration(strings.Trim(given, `"`))
		return is && err != nil
	}
	return false
}
