package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/server"
)

func newUndo(a *app) *cobra.Command {
	var req server.UndoRequest
	c := withExits(&cobra.Command{
		Use:   "undo RUN",
		Short: "Undo everything that a run has changed",
		Long: `undo puts back what a run changed, verified or not, the latest change first. A
run that has not ended stops and undoes, also under a halt. One that has ended
is undone by a new run, with its own locks and its own gate.`,
		Example: `  firebreak undo 1123-0301-k7qzm --reason "the rollback was not the cure"`,
		Args:    args(1, 1, "a run"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.beginAndFollow(c.Context(), func(ctx context.Context, s *session) (string, error) { return s.Undo(ctx, got[0], req) })
		},
	}, exitRefused, exitFailedClean, exitFailedDirty, exitCancelledClean, exitCancelledDirty, exitHandedOver, exitParked, exitNotFound, exitState)
	c.Flags().StringVar(&req.Reason, "reason", "", "why")
	return c
}
