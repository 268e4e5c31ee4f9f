package service

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/engine/runbook"
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
		if !ok || v == nil {
			return // no editor could say more than that
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
	names := []string{"services", "tools", "roles", "people", "plugins", "plugin", "owner", "environment", "break_glass", "at_most", "os_user", "path", "sources", "serve", "kind", "mapping", "listen", "policy", "freezes", "maintenance", "from", "until", "days", "calendar", "zone", "rollbacks", "chat", "slack", "channel", "email", "groups", "paging", "heartbeat", "silence"}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		compare(name, files[name])
		yamltest.Mutants(name, files[name], names, times[name], compare)
	}
	t.Logf("%d cases, %d accepted, %d refused for their shape", count, fine, wrong)
	if fine < 200 || wrong < 500 {
		t.Errorf("of %d cases %d are accepted and %d refused for their shape: too few to prove anything", count, fine, wrong)
	}
}

// TestCorpusUsesEveryKey holds what is accepted to the shapes, so that no key
// is read that no file shows.
func TestCorpusUsesEveryKey(t *testing.T) {
	var all strings.Builder
	for _, src := range accepted(t) {
		all.Write(src)
	}
	for _, s := range Shapes() {
		for _, k := range s.Keys() {
			if !regexp.MustCompile(`\b` + k.Name() + `:`).MatchString(all.String()) {
				t.Errorf("no accepted file has the key %s of %s", k.Name(), s.Name())
			}
		}
	}
}

// ofShape says whether a problem is one of the form alone, which a schema can
// know.
func ofShape(p runbook.Problem) bool {
	switch p.ID {
	case "unknown-key", "missing-key", "wrong-type", "name", "word", "no-template":
		return true
	case "empty": // one that says nothing is wide open, and that is not its shape
		return !strings.Contains(p.What, "a shadow is of nothing")
	case "duration": // how long it may be is a rule
		return strings.Contains(p.What, "must be a duration")
	}
	return false
}
