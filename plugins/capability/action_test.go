package capability_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func TestEveryContractIsWhole(t *testing.T) {
	for _, a := range capability.All() {
		t.Run(a.Name, func(t *testing.T) {
			if group, verb, ok := strings.Cut(a.Name, "."); !ok || group == "" || verb == "" {
				t.Errorf("name %q is not capability.verb", a.Name)
			}
			if !strings.HasSuffix(a.Doc, ".") {
				t.Errorf("doc %q is not a sentence", a.Doc)
			}
			in, out := schema(t, a.Input), schema(t, a.Output)
			if in.AdditionalProperties == nil {
				t.Error("the input takes fields it does not know")
			}
			if out.AdditionalProperties != nil {
				t.Error("the output refuses fields it does not know")
			}
			if a.Effect == plugins.Read && (a.Undo != "" || a.SettlesIn != 0 || !a.Idempotent) {
				t.Error("a read has an undo, settles, or is not idempotent")
			}
			if a.Effect == plugins.Mutate && a.SettlesIn == 0 {
				t.Error("a mutation does not say when it has settled")
			}
			if a.Undo != "" {
				if undo, ok := capability.Lookup(a.Undo); !ok || undo.Effect == plugins.Read {
					t.Errorf("undo %q is no mutating contract", a.Undo)
				}
			}
		})
	}
}

func TestContractsAreFixed(t *testing.T) {
	type row struct {
		effect            plugins.Effect
		undo              string
		idempotent, probe bool
		noPrecondition    bool
	}
	read := row{effect: plugins.Read, idempotent: true}
	want := map[string]row{
		"backlog.shed":         {effect: plugins.Mutate, idempotent: true, noPrecondition: true},
		"backlog.status":       read,
		"database.cancel":      {effect: plugins.Mutate, probe: true, noPrecondition: true},
		"database.configure":   {effect: plugins.Mutate, undo: "database.configure", idempotent: true, probe: true},
		"database.connections": read,
		"database.limit":       {effect: plugins.Mutate, undo: "database.limit", idempotent: true, probe: true},
		"database.terminate":   {effect: plugins.Mutate, probe: true, noPrecondition: true},
		"diagnose.connections": read,
		"metrics.health":       read,
		"metrics.pool":         read,
		"metrics.query":        read,
		"pooler.pause":         {effect: plugins.Mutate, undo: "pooler.resume", probe: true},
		"pooler.reload":        {effect: plugins.Mutate, idempotent: true, noPrecondition: true},
		"pooler.resize":        {effect: plugins.Mutate, undo: "pooler.resize", idempotent: true, probe: true},
		"pooler.resume":        {effect: plugins.Mutate, idempotent: true, noPrecondition: true},
		"pooler.status":        read,
		"settings.apply":       {effect: plugins.Mutate, undo: "settings.apply", idempotent: true, probe: true},
		"settings.changes":     read,
		"settings.current":     read,
		"settings.rollback":    {effect: plugins.Mutate, undo: "settings.apply", idempotent: true, probe: true},
		"workload.restart":     {effect: plugins.Mutate, probe: true},
		"workload.rollback":    {effect: plugins.Mutate, undo: "workload.rollback", idempotent: true, probe: true},
		"workload.scale":       {effect: plugins.Mutate, undo: "workload.scale", idempotent: true, probe: true},
		"workload.status":      read,
	}
	all := capability.All()
	if len(all) != len(want) {
		t.Errorf("%d contracts, want %d", len(all), len(want))
	}
	for _, a := range all {
		have := row{a.Effect, a.Undo, a.Idempotent, a.Probe, a.NoPrecondition}
		if have != want[a.Name] {
			t.Errorf("%s: have %+v, want %+v", a.Name, have, want[a.Name])
		}
	}
	if !slices.IsSortedFunc(all, func(a, b plugins.Action) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("not sorted by name")
	}
}

func TestLookupOfUnknown(t *testing.T) {
	if a, ok := capability.Lookup("settings.burn"); ok {
		t.Errorf("found %+v", a)
	}
}

// TestSchemas compares every schema with testdata, so that a contract cannot
// change unseen. UPDATE=1 writes the files anew.
func TestSchemas(t *testing.T) {
	for _, a := range capability.All() {
		for kind, raw := range map[string]json.RawMessage{"input": a.Input, "output": a.Output} {
			t.Run(a.Name+"."+kind, func(t *testing.T) {
				var doc any
				if err := json.Unmarshal(raw, &doc); err != nil {
					t.Fatal(err)
				}
				have, err := json.MarshalIndent(doc, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				have = append(have, '\n')
				file := filepath.Join("testdata", a.Name+"."+kind+".json")
				if os.Getenv("UPDATE") != "" {
					if err := os.WriteFile(file, have, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if string(have) != string(want) {
					t.Errorf("%s differs from the contract now:\n%s", file, have)
				}
			})
		}
	}
}

func schema(t *testing.T, raw json.RawMessage) *jsonschema.Schema {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatalf("schema %q: %v", raw, err)
	}
	if _, err := s.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true}); err != nil {
		t.Fatal(err)
	}
	return &s
}
