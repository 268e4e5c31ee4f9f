package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/server"
)

func newRun(a *app) *cobra.Command {
	var inputs []string
	c := withExits(&cobra.Command{
		Use:   "run RUNBOOK",
		Short: "Run a runbook and follow it to its end",
		Long: `run starts a runbook, shows what happens, and ends with the run. RUNBOOK is a
name (looked for in --runbooks, then among those that are built in) or a file.
Questions are answered here, or from any other terminal with approve, deny and
resolve. Ctrl-C cancels the run: it stops before its next change, and lists what
stays changed. A second Ctrl-C leaves it waiting for ` + "`firebreak resume`" + `.

If another process owns the state the run happens there; otherwise this process
becomes the owner for as long as it runs. With --server RUNBOOK is a name, of those
that the daemon has read.`,
		Example: `  firebreak run connection-exhaustion --input service=api
  firebreak run ./my.yaml -i service=api -i limit:=3 --json`,
		Args: args(1, 1, "a runbook"),
		RunE: func(c *cobra.Command, got []string) error { return a.run(c.Context(), got[0], inputs) },
	}, exitProblems, exitRefused, exitFailedClean, exitFailedDirty, exitCancelledClean, exitCancelledDirty, exitHandedOver, exitParked, exitNotFound, exitState)
	c.Flags().StringArrayVarP(&inputs, "input", "i", nil, "NAME=VALUE, or NAME:=JSON; may be repeated")
	return c
}

func (a *app) run(ctx context.Context, name string, flags []string) (err error) {
	if a.remoteURL() != "" {
		return a.runThere(ctx, name, flags)
	}
	ws, err := a.loadWorkspace(ctx)
	if err != nil {
		return err
	}
	found, inputs, err := a.takeWith(name, ws.catalog, flags)
	if err != nil {
		return err
	}
	s, err := a.connect(ctx, true, loaded(ws))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	id, err := s.Start(ctx, server.StartRequest{
		Runbook: found.book.Name, File: found.file, Files: found.files, Source: string(found.book.Pinned), Inputs: inputs,
	})
	if err != nil {
		return err
	}
	return a.follow(ctx, s, id)
}

// runThere runs a runbook of a daemon on another machine.
func (a *app) runThere(ctx context.Context, name string, flags []string) (err error) {
	if isPath(name) {
		return fail(exitUsage, "name one that it has: `firebreak runbooks list`", "a daemon on another machine runs the runbooks that it has, and %s is a file", name)
	}
	s, err := a.connect(ctx, true, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	book, err := s.Runbook(ctx, name)
	if err != nil {
		return err
	}
	inputs, err := parseInputs(book.Name, book.Inputs, flags)
	if err != nil {
		return err
	}
	id, err := s.Start(ctx, server.StartRequest{Runbook: book.Name, Inputs: inputs})
	if err != nil {
		return err
	}
	return a.follow(ctx, s, id)
}
