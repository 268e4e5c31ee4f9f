package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/cases"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

func newRecord(a *app) *cobra.Command {
	var to, name string
	c := withExits(&cobra.Command{
		Use:   "record RUN",
		Short: "Write a run that has ended as a case of a test",
		Long: `record writes what a run was given, what actions and people answered, and how it
went, as a test file with one case. Played against the same runbook it passes;
against an edited one it shows where the decisions part. Secrets are not in it:
a run's record holds none.

It reads the state file, beside an owner or without one, and changes nothing there.`,
		Example: `  firebreak record 1123-0301-k7qzm -o runbooks/outage-of-july_test.yaml
  firebreak test runbooks/outage-of-july_test.yaml`,
		Args: args(1, 1, "a run"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.withReader(c.Context(), func(r *sqlite.Reader) error { return a.record(c.Context(), r, got[0], name, to) })
		},
	}, exitProblems, exitRefused, exitNotFound, exitState)
	c.Flags().StringVarP(&to, "output", "o", "", "write it into this `FILE`, which must not exist, instead of showing it")
	c.Flags().StringVar(&name, "name", "", "name of the case (default: run RUN)")
	return c
}

func (a *app) record(ctx context.Context, r *sqlite.Reader, run, name, to string) error {
	records, err := r.Load(ctx, run)
	if err != nil {
		return err
	}
	if len(records) == 0 {
		return fail(exitNotFound, "`firebreak runs list` shows them", "there is no run %s in %s", run, r.Path())
	}
	book, err := a.bookOf(ctx, r, records)
	if err != nil {
		return err
	}
	if !hasEnded(records) {
		return fail(exitRefused, "record it when it has ended", "run %s has not ended", run)
	}
	if name == "" {
		name = "run " + run
	}
	src, err := cases.Record(name, book, records)
	if errors.Is(err, cases.ErrNotRecorded) {
		return fail(exitRefused, "record the run that came before it", "run %s: %w", run, err)
	}
	if err != nil {
		return err
	}
	if to == "" {
		a.printf("%s", src)
		return nil
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // a test is for everybody
	if errors.Is(err, fs.ErrExist) {
		return fail(exitRefused, "choose another name; a test file names its runbook, so it may be called as you like before "+cases.Suffix, "%s is there already", to)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(src)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	if a.flags.json {
		return a.printJSON(map[string]any{"type": "recorded", "run": run, "file": to, "runbook": book.Name})
	}
	a.printf("%s holds run %s\n", to, run)
	return nil
}

// bookOf is the runbook that a run was pinned to.
func (a *app) bookOf(ctx context.Context, r *sqlite.Reader, records []engine.Record) (*runbook.Runbook, error) {
	started, ok := records[0].Event.(engine.RunStarted)
	if !ok {
		return nil, fail(exitState, "`firebreak audit verify` looks at the whole file", "the run's record does not begin with its start")
	}
	src, err := r.Blob(ctx, started.Facts.Pins.Runbook)
	if err != nil {
		return nil, err
	}
	catalog, _, err := a.checkCatalog(ctx)
	if err != nil {
		return nil, err
	}
	book, problems := runbook.Load(started.Facts.Runbook+".yaml", src, catalog)
	if len(problems) > 0 {
		return nil, problemsOf(a, a.err, problems)
	}
	return book, nil
}

func hasEnded(records []engine.Record) bool {
	return slices.ContainsFunc(records, func(rec engine.Record) bool {
		_, ended := rec.Event.(engine.RunEnded)
		return ended
	})
}
