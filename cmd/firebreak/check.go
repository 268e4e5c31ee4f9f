package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

func newCheck(a *app) *cobra.Command {
	return withExits(&cobra.Command{
		Use:   "check FILE...",
		Short: "Check runbooks without running them",
		Long: `check reads runbooks as strictly as a run would: keys, actions, inputs, types and
references, and that every mutation has a gate, a verify and an undo or says why
not. Each problem is printed with file:line:col and what to write instead. It
needs no configuration, no plugin and no network; with --config the actions of
third parties' plugins that are configured there are known, too.`,
		Example: `  firebreak check runbooks/*.yaml
  firebreak check --json my.yaml`,
		Args: args(1, -1, "one or more files"),
		RunE: func(c *cobra.Command, files []string) error { return a.check(c.Context(), files) },
	}, exitProblems, exitNotFound)
}

func (a *app) check(ctx context.Context, files []string) error {
	catalog, err := a.checkCatalog(ctx)
	if err != nil {
		return err
	}
	var bad error
	for _, name := range files {
		file, src, err := a.findRunbook(name)
		if err != nil {
			return err
		}
		book, problems := runbook.Parse(file, src, catalog)
		if len(problems) == 0 {
			problems = book.Expired(time.Now().UTC().Format(time.DateOnly))
		}
		if len(problems) > 0 {
			bad = problemsOf(a, a.out, problems)
			continue
		}
		if a.flags.json {
			err = a.printJSON(map[string]any{"type": "checked", "file": file, "name": book.Name, "digest": book.Digest})
		} else {
			a.printf("%s: ok\n", file)
		}
		if err != nil {
			return err
		}
	}
	return bad
}

// checkCatalog is what runbooks are checked against: the contracts, and what
// the plugins of a configuration that was named add to them.
func (a *app) checkCatalog(ctx context.Context) (runbook.Catalog, error) {
	if a.flags.config == "" {
		return actions()
	}
	w, err := a.loadWorkspace(ctx)
	if err != nil {
		return nil, err
	}
	return w.catalog, nil
}
