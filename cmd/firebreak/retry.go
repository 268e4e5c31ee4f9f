package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/server"
)

func newRetry(a *app) *cobra.Command {
	var req server.RetryRequest
	c := withExits(&cobra.Command{
		Use:   "retry RUN",
		Short: "Go on, as a new run, where one that has ended did not",
		Long: `retry begins a new run of the same runbook with the same inputs, from the first step
that did not go well, or from the one that --from names. The steps before are as they
ended, and are not done again; the others are planned and asked about anew. It is
refused where a step before was undone, or left something that nobody has verified.`,
		Example: `  firebreak retry 1123-0301-k7qzm
  firebreak retry 1123-0301-k7qzm --from relieve`,
		Args: args(1, 1, "a run"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.beginAndFollow(c.Context(), func(ctx context.Context, s *session) (string, error) { return s.Retry(ctx, got[0], req) })
		},
	}, exitProblems, exitRefused, exitFailedClean, exitFailedDirty, exitCancelledClean, exitCancelledDirty, exitHandedOver, exitParked, exitNotFound, exitState)
	c.Flags().StringVar(&req.From, "from", "", "the `STEP` to begin with, one of the runbook's own list")
	return c
}
