package cases_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/cases"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// catalog holds the actions of the contracts.
func catalog(t testing.TB) runbook.Catalog {
	t.Helper()
	catalog := runbook.Catalog{}
	for _, c := range capability.All() {
		action, err := runbook.NewAction(c.Name, string(c.Effect), c.Input, c.Output)
		if err != nil {
			t.Fatal(err)
		}
		action.Undo, action.Idempotent, action.Probe = c.Undo, c.Idempotent, c.Probe
		action.NoPrecondition, action.SettlesIn = c.NoPrecondition, c.SettlesIn
		catalog[c.Name] = action
	}
	return catalog
}

// finder finds runbooks in a folder.
func finder(t testing.TB, dir string) cases.Find {
	t.Helper()
	known := catalog(t)
	type found struct {
		book *runbook.Runbook
		err  error
	}
	seen := map[string]found{} // each is read once
	return func(name string) (*runbook.Runbook, error) {
		f, ok := seen[name]
		if !ok {
			f.book, f.err = findIn(dir, name, known)
			seen[name] = f
		}
		return f.book, f.err
	}
}

func findIn(dir, name string, known runbook.Catalog) (*runbook.Runbook, error) {
	src, err := os.ReadFile(filepath.Join(dir, name+".yaml"))
	if err != nil {
		return nil, fmt.Errorf("there is none")
	}
	book, problems := runbook.Parse(name+".yaml", src, known, func(name string) (string, []byte, error) {
		src, err := os.ReadFile(filepath.Join(dir, name+".yaml"))
		return name + ".yaml", src, err
	})
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s", problems[0])
	}
	return book, nil
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return src
}
