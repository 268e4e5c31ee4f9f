package cases_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/cases"
)

// TestSchemaAcceptsWhatParseAccepts holds the schema to the parser, and that
// it refuses keys that there are not.
func TestSchemaAcceptsWhatParseAccepts(t *testing.T) {
	var s jsonschema.Schema
	if err := json.Unmarshal(cases.Schema(), &s); err != nil {
		t.Fatal(err)
	}
	schema, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob("testdata/play/*" + cases.Suffix)
	for _, file := range append(files, "../../runbooks/connection-exhaustion_test.yaml") {
		var v any
		src := read(t, file)
		if err := yaml.Unmarshal(src, &v); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	refused := 0
	broken, _ := filepath.Glob("testdata/broken/*.txt")
	for _, file := range broken {
		src, problems, _ := strings.Cut(string(read(t, file)), ruler)
		if !strings.Contains(problems, "unknown-key ") && !strings.Contains(problems, ": a case needs") && !strings.Contains(problems, "word ") {
			continue
		}
		var v any
		if err := yaml.Unmarshal([]byte(src), &v); err != nil {
			continue
		}
		if refused++; schema.Validate(v) == nil {
			t.Errorf("the schema accepts %s", file)
		}
	}
	if refused < 2 {
		t.Errorf("only %d files were tried that the schema must refuse", refused)
	}
}
