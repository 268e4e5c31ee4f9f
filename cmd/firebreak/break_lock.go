package main

import (
	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/server"
)

func newBreakLock(a *app) *cobra.Command {
	var req server.BreakLockRequest
	c := withExits(&cobra.Command{
		Use:   "break-lock RUN",
		Short: "Take a run's locks away",
		Long: `break-lock frees everything that a run has locked, so that other runs may change
it. The run stops and asks whether to wait for its locks again (relock) or to end
as things are (end). What is in flight ends at its next safe point all the same:
look at the target before you let something else at it.`,
		Example: `  firebreak break-lock 1123-0301-k7qzm --reason "it waits for bob, and this is urgent"`,
		Args:    args(1, 1, "a run"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.tell(c.Context(), got[0], req, "lock_broken",
				"the locks of run "+got[0]+" are free; say what it does then with\n  firebreak resolve "+a.as(got[0])+" broken-lock relock | end")
		},
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&req.Reason, "reason", "", "why")
	return c
}
