package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
)

// TestBuiltinsAreTried holds every built-in to have its conformance test,
// which in turn has a case for every action.
func TestBuiltinsAreTried(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(builtins())) {
		files, err := filepath.Glob("../../plugins/builtin/" + name + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(files, func(file string) bool {
			raw, err := os.ReadFile(file)
			return err == nil && strings.Contains(string(raw), `plugintest.Run(t, plugintest.Self("`+name+`")`)
		}) {
			t.Errorf("no test holds the built-in %s to the contract", name)
		}
	}
}

// TestWhatCannotCompareIsSaid holds that people are told of every mutation
// that acts whatever its target has become: the language knows it, so that
// the question says it, and the page of the actions does.
func TestWhatCannotCompareIsSaid(t *testing.T) {
	catalog, err := actions()
	if err != nil {
		t.Fatal(err)
	}
	text := page(t, "reference/actions.md")
	seen := 0
	for name, p := range builtins() {
		for _, a := range p.Describe().Actions {
			if a.Effect == plugins.Read {
				continue
			}
			seen++
			if a.NoPrecondition != catalog[a.Name].NoPrecondition {
				t.Errorf("%s of %s has no precondition: %v; the catalog says %v", a.Name, name, a.NoPrecondition, catalog[a.Name].NoPrecondition)
			}
			_, section, _ := strings.Cut(text, "\n## "+a.Name+"\n")
			section, _, _ = strings.Cut(section, "\n## ")
			if strings.Contains(section, "cannot compare and set") != a.NoPrecondition {
				t.Errorf("docs/reference/actions.md does not say of %s whether it compares and sets", a.Name)
			}
		}
	}
	if seen < 6 {
		t.Errorf("only %d mutating actions", seen)
	}
}
