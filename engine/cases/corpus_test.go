package cases_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/engine/cases"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/engine/yamltest"
)

// TestSchemaIsTheParser holds schema and parser to each other, over all test
// files and mutations of them, the same in every run: the schema accepts what
// the parser accepts, and refuses what the parser refuses for its form alone.
func TestSchemaIsTheParser(t *testing.T) {
	var s jsonschema.Schema
	if err := json.Unmarshal(cases.Schema(), &s); err != nil {
		t.Fatal(err)
	}
	schema, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range cases.Shapes() {
		for _, k := range s.Keys() {
			names = append(names, k.Name())
		}
	}
	var count, accepted, refused int
	compare := func(name string, find cases.Find, src []byte) {
		_, problems := cases.Parse("case_test.yaml", src, find)
		v, ok := yamltest.AsJSON(src)
		if !ok {
			return
		}
		count++
		err := schema.Validate(v)
		if len(problems) == 0 {
			if accepted++; err != nil {
				t.Errorf("%s: the parser accepts what the schema refuses: %v\n%s", name, err, src)
			}
			return
		}
		if at := slices.IndexFunc(problems, ofForm); at >= 0 {
			if refused++; err == nil {
				t.Errorf("%s: the schema accepts what the parser refuses: %s %s\n%s", name, problems[at].ID, problems[at], src)
			}
		}
	}
	right, _ := filepath.Glob("testdata/play/*" + cases.Suffix)
	shipped, _ := filepath.Glob("../../runbooks/*" + cases.Suffix)
	broken, _ := filepath.Glob("testdata/broken/*.txt")
	for _, file := range slices.Concat(right, shipped, broken) {
		text, _, _ := strings.Cut(string(read(t, file)), ruler)
		src, times := []byte(text), 150
		if strings.HasSuffix(file, ".txt") {
			times = 15
		}
		find := finder(t, filepath.Dir(file))
		compare(file, find, src)
		yamltest.Mutants(file, src, names, times, func(name string, mutant []byte) { compare(name, find, mutant) })
	}
	t.Logf("%d cases, %d accepted, %d refused for their form", count, accepted, refused)
	if accepted < 30 || refused < 80 {
		t.Errorf("of %d cases %d are accepted and %d refused for their form: too few to prove anything", count, accepted, refused)
	}
}

// ofForm says whether a problem is one of the form alone.
func ofForm(p runbook.Problem) bool {
	switch p.ID {
	case "unknown-key", "no-template":
		return true
	case "word": // the statuses of steps stand under names that nobody knows
		return !strings.Contains(p.What, "a status cannot be")
	case "missing-key": // which of the ways to say something needs who, is a rule
		return !strings.Contains(p.What, "says nothing") && !strings.HasSuffix(p.What, "needs by")
	case "wrong-type": // labels are texts under names that nobody knows
		return strings.Contains(p.What, " must be ") && !strings.Contains(p.What, "must be text")
	}
	return false
}
