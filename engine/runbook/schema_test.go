package runbook

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"gopkg.in/yaml.v3"
)

func resolvedSchema(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

func TestLongestName(t *testing.T) {
	schema := resolvedSchema(t)
	for length, fine := range map[int]bool{maxName: true, maxName + 1: false} {
		src := strings.Replace(head, "case", strings.Repeat("c", length), 1) + "  - wait: 1s\n"
		if _, problems := Parse(caseFile, []byte(src), nil, testLibrary); (len(problems) == 0) != fine {
			t.Errorf("%d characters: %v", length, problems)
		}
		var v any
		if err := yaml.Unmarshal([]byte(src), &v); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); (err == nil) != fine {
			t.Errorf("%d characters, by the schema: %v", length, err)
		}
	}
}

// TestCorpusUsesEveryKey holds the corpus to the key table, so that no key is
// read that no valid runbook shows.
func TestCorpusUsesEveryKey(t *testing.T) {
	used := map[string]bool{}
	files, _ := filepath.Glob("testdata/valid/*.yaml")
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := yaml.Unmarshal(src, &v); err != nil {
			t.Fatal(err)
		}
		collectKeys(v, used)
	}
	var schema struct {
		Properties map[string]any
		Defs       map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	keys := slices.Collect(maps.Keys(schema.Properties))
	for _, def := range schema.Defs {
		keys = append(keys, slices.Collect(maps.Keys(def.Properties))...)
	}
	if len(keys) < 60 {
		t.Fatalf("the schema has %d keys", len(keys))
	}
	for _, key := range keys {
		if !used[key] {
			t.Errorf("no valid runbook has the key %s", key)
		}
	}
}

func collectKeys(v any, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			into[name] = true
			collectKeys(inner, into)
		}
	case []any:
		for _, inner := range v {
			collectKeys(inner, into)
		}
	}
}
