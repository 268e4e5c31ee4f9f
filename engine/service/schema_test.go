package service

import (
	"encoding/json"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"gopkg.in/yaml.v3"
)

// asJSON reads YAML as an editor would. ok is false where YAML itself fails.
func asJSON(t *testing.T, src []byte) (v any, ok bool) {
	t.Helper()
	if err := yaml.Unmarshal(src, &v); err != nil {
		return nil, false
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, false
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v, true
}

func compiled(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSchema holds the schema to the parser: it accepts what Parse accepts,
// and refuses what Parse refuses for its shape alone.
func TestSchema(t *testing.T) {
	schema := compiled(t)
	for name, src := range accepted(t) {
		v, ok := asJSON(t, src)
		if !ok {
			t.Fatalf("%s is not YAML", name)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	shape := map[string]bool{"unknown-key": true, "missing-key": true, "bad-name": true, "duplicate-person": true, "bad-checksum": true}
	for _, c := range refused(t) {
		_, found := Parse("firebreak.yaml", c.src)
		for _, p := range found {
			if !shape[p.ID] {
				continue
			}
			v, ok := asJSON(t, c.src)
			if !ok {
				continue
			}
			if err := schema.Validate(v); err == nil {
				t.Errorf("%s: Parse refuses it as %s, the schema does not", c.name, p.ID)
			}
		}
	}
}

// TestSchemaKeys finds every key that the schema names in the parser's own
// list of what an object may hold, and no other.
func TestSchemaKeys(t *testing.T) {
	var s struct {
		Properties map[string]any `json:"properties"`
		Defs       map[string]struct {
			Properties map[string]any `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	for object, c := range map[string]struct {
		src        string
		properties map[string]any
	}{
		"top":    {"qqqqqqqqqqqqqqqqqqqq: 1", s.Properties},
		"role":   {"roles: {a: {qqqqqqqqqqqqqqqqqqqq: 1}}", s.Defs["role"].Properties},
		"person": {"people: {a: {qqqqqqqqqqqqqqqqqqqq: 1}}", s.Defs["person"].Properties},
		"plugin": {"plugins: {a: {qqqqqqqqqqqqqqqqqqqq: 1}}", s.Defs["plugin"].Properties},
	} {
		var keys []string
		for k := range c.properties {
			keys = append(keys, k)
		}
		_, found := Parse("firebreak.yaml", []byte(c.src))
		want := hintFrom("qqqqqqqqqqqqqqqqqqqq", "known keys", keys)
		listed := false
		for _, p := range found {
			listed = listed || p.ID == "unknown-key" && p.Hint == want
		}
		if !listed {
			t.Errorf("%s: the schema has %q, the parser says:\n%s", object, want, report(found))
		}
	}
}
