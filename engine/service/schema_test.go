package service

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/engine/yamltest"
)

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

// TestSchemaIsTheParser holds schema and parser to each other, over what is
// accepted, what is refused, and mutations of both, the same in every run: the
// schema accepts what Parse accepts, and refuses what Parse refuses for its
// shape alone.
func TestSchemaIsTheParser(t *testing.T) {
	schema := compiled(t)
	var count, fine, wrong int
	compare := func(name string, src []byte) {
		_, found := Parse("firebreak.yaml", src)
		v, ok := yamltest.AsJSON(src)
		if !ok {
			return
		}
		count++
		err := schema.Validate(v)
		if len(found) == 0 {
			if fine++; err != nil {
				t.Errorf("%s: Parse accepts what the schema refuses: %v\n%s", name, err, src)
			}
			return
		}
		if at := slices.IndexFunc(found, ofShape); at >= 0 {
			if wrong++; err == nil {
				t.Errorf("%s: the schema accepts what Parse refuses: %s %s\n%s", name, found[at].ID, found[at], src)
			}
		}
	}
	files, times := accepted(t), map[string]int{}
	for name := range files {
		times[name] = 400
	}
	for _, c := range refused(t) {
		files[c.name], times[c.name] = c.src, 20
	}
	names := []string{"services", "tools", "roles", "people", "plugins", "plugin", "owner", "environment", "break_glass", "os_user", "path", "sources", "serve", "kind", "mapping", "listen", "policy", "freezes", "maintenance", "from", "until", "days", "calendar", "zone", "rollbacks", "chat", "slack", "channel", "email", "groups", "paging", "heartbeat", "silence"}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		compare(name, files[name])
		yamltest.Mutants(name, files[name], names, times[name], compare)
	}
	t.Logf("%d cases, %d accepted, %d refused for their shape", count, fine, wrong)
	if fine < 200 || wrong < 500 {
		t.Errorf("of %d cases %d are accepted and %d refused for their shape: too few to prove anything", count, fine, wrong)
	}
}

// ofShape says whether a problem is one of the form alone, which a schema can
// know.
func ofShape(p Problem) bool {
	switch p.ID {
	case "wrong-type": // an editor reads a date as text
		return !strings.HasPrefix(p.What, "YAML reads")
	case "unknown-key", "missing-key", "empty", "bad-name", "duplicate-person", "bad-email", "bad-checksum":
		return true
	}
	return false
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
		"top":        {"qqqqqqqqqqqqqqqqqqqq: 1", s.Properties},
		"role":       {"roles: {a: {qqqqqqqqqqqqqqqqqqqq: 1}}", s.Defs["role"].Properties},
		"person":     {"people: {a: {qqqqqqqqqqqqqqqqqqqq: 1}}", s.Defs["person"].Properties},
		"plugin":     {"plugins: {a: {qqqqqqqqqqqqqqqqqqqq: 1}}", s.Defs["plugin"].Properties},
		"source":     {"sources: {a: {qqqqqqqqqqqqqqqqqqqq: 1}}", s.Defs["source"].Properties},
		"mapping":    {"sources: {a: {mapping: {qqqqqqqqqqqqqqqqqqqq: 1}}}", s.Defs["mapping"].Properties},
		"serve":      {"serve: {qqqqqqqqqqqqqqqqqqqq: 1}", s.Defs["serve"].Properties},
		"automation": {"policy: {automation: {qqqqqqqqqqqqqqqqqqqq: 1}}", s.Defs["automation"].Properties},
		"shadow":     {"policy: {automation: {shadow: [{qqqqqqqqqqqqqqqqqqqq: 1}]}}", s.Defs["shadow"].Properties},
		"read_only":  {"policy: {automation: {read_only: {qqqqqqqqqqqqqqqqqqqq: 1}}}", s.Defs["read_only"].Properties},
		"breaker":    {"policy: {automation: {breaker: {qqqqqqqqqqqqqqqqqqqq: 1}}}", s.Defs["breaker"].Properties},
		"rate":       {"policy: {automation: {rate: {qqqqqqqqqqqqqqqqqqqq: 1}}}", s.Defs["rate"].Properties},
		"budget":     {"policy: {automation: {budget: {qqqqqqqqqqqqqqqqqqqq: 1}}}", s.Defs["budget"].Properties},
		"policy":     {"policy: {qqqqqqqqqqqqqqqqqqqq: 1}", s.Defs["policy"].Properties},
		"freeze":     {"policy: {freezes: {a: {qqqqqqqqqqqqqqqqqqqq: 1}}}", s.Defs["freeze"].Properties},
		"window":     {"policy: {maintenance: {a: {qqqqqqqqqqqqqqqqqqqq: 1}}}", s.Defs["window"].Properties},
		"paging":     {"paging: {qqqqqqqqqqqqqqqqqqqq: 1}", s.Defs["paging"].Properties},
		"heartbeat":  {"paging: {heartbeat: {qqqqqqqqqqqqqqqqqqqq: 1}}", s.Defs["heartbeat"].Properties},
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
