package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/engine/cases"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// checkFlags are the flags of `check`.
type checkFlags struct {
	at      string
	explain string
	proofs  bool
}

func newCheck(a *app) *cobra.Command {
	var f checkFlags
	c := withExits(&cobra.Command{
		Use:   "check FILE...",
		Short: "Check runbooks without running them",
		Long: `check reads runbooks as strictly as a run would: keys, actions, inputs, types and
references, and that every mutation has a gate, a verify and an undo or says why
not. Each problem is printed with file:line:col and what to write instead. It
needs no configuration, no plugin and no network; with --config the actions of
third parties' plugins that are configured there are known, too, and roles and
commands that are not configured there are refused.

Of a folder every file is checked. A file called NAME_test.yaml holds tests of a runbook; it is checked, and not played.

With --proofs, and always with --json, it says of each mutation which gate covers
it, what verifies it and how it is undone, or why not.`,
		Example: `  firebreak check runbooks/*.yaml
  firebreak check --json my.yaml
  firebreak check --proofs my.yaml
  firebreak check --at 2027-01-01 my.yaml
  firebreak check --explain no-gate`,
		Args: func(c *cobra.Command, files []string) error {
			if f.explain != "" {
				return args(0, 0, "no files with --explain")(c, files)
			}
			return args(1, -1, "one or more files")(c, files)
		},
		RunE: func(c *cobra.Command, files []string) error {
			if f.explain != "" {
				return a.explainProblem(f.explain)
			}
			return a.check(c.Context(), files, f)
		},
	}, exitProblems, exitNotFound)
	c.Flags().StringVar(&f.at, "at", "", "check as on this `DATE` in UTC, such as 2027-01-01: which waivers are over by then")
	c.Flags().StringVar(&f.explain, "explain", "", "say what the problem `ID` means, why it matters and how to mend it")
	c.Flags().BoolVar(&f.proofs, "proofs", false, "say of each mutation which gate covers it, what verifies it and how it is undone")
	return c
}

func (a *app) check(ctx context.Context, files []string, f checkFlags) error {
	day, err := f.day(time.Now())
	if err != nil {
		return err
	}
	catalog, w, err := a.checkCatalog(ctx)
	if err != nil {
		return err
	}
	var bad, unread error
	shelf := newShelf(a, catalog)
	for _, name := range inFolders(files) {
		if strings.HasSuffix(name, cases.Suffix) {
			if err := a.checkTests(shelf, name); err != nil {
				if _, printed := errors.AsType[ended](err); !printed {
					return err
				}
				bad = err
			}
			continue
		}
		file, src, err := a.findRunbook(name)
		if err != nil {
			unread = errors.Join(unread, err)
			continue
		}
		book, problems := runbook.ParseAt(day, file, src, catalog, a.library(file))
		if len(problems) > 0 {
			bad = problemsOf(a, a.out, problems)
			continue
		}
		if w != nil {
			if err := w.fits(book); err != nil {
				return err
			}
		}
		if err := a.checked(file, book, f); err != nil {
			return err
		}
	}
	return cmp.Or(unread, bad)
}

// inFolders puts the files of a folder, sorted, in its place.
func inFolders(names []string) []string {
	var files []string
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			if inside, _ := filepath.Glob(filepath.Join(name, "*.yaml")); len(inside) > 0 {
				files = append(files, inside...)
				continue
			}
		}
		files = append(files, name)
	}
	return files
}

// checkTests checks a test file: that it could be played.
func (a *app) checkTests(s *shelf, name string) error {
	t, err := a.readTest(s, name, nil)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.printJSON(map[string]any{"type": "checked", "file": name, "name": t.file.Book.Name, "cases": len(t.selected) + len(t.triggers)})
	}
	a.printf("%s: ok\n", name)
	return nil
}

// checked says that a runbook is right, and what makes it so.
func (a *app) checked(file string, book *runbook.Runbook, f checkFlags) error {
	if a.flags.json {
		if err := a.printJSON(map[string]any{"type": "checked", "file": file, "name": book.Name, "digest": book.Digest}); err != nil {
			return err
		}
	} else {
		a.printf("%s: ok\n", file)
	}
	if a.flags.json || f.proofs {
		return a.proofs(book)
	}
	return nil
}

// day is the day of UTC on which waivers are looked at.
func (f checkFlags) day(now time.Time) (string, error) {
	if f.at == "" {
		return now.UTC().Format(time.DateOnly), nil
	}
	if _, err := time.Parse(time.DateOnly, f.at); err != nil {
		return "", &usageError{err: fmt.Errorf("--at %s is no day", f.at), hint: "write it as in --at 2027-01-01"}
	}
	return f.at, nil
}

// checkCatalog is what runbooks are checked against: the contracts, and what
// the plugins of a configuration that was named add to them. Without one there
// is no workspace.
func (a *app) checkCatalog(ctx context.Context) (runbook.Catalog, *workspace, error) {
	if a.flags.config == "" {
		catalog, err := actions()
		return catalog, nil, err
	}
	w, err := a.loadWorkspace(ctx)
	if err != nil {
		return nil, nil, err
	}
	return w.catalog, w, nil
}
