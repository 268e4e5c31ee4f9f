package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/server"
)

func newSkip(a *app) *cobra.Command {
	var reason string
	c := withExits(&cobra.Command{
		Use:   "skip RUN STEP",
		Short: "Pass over a step, or accept what it verifies",
		Long: `skip passes over a step, or a whole group before its first change. While a step
verifies it accepts the result in your name. While it is undone it leaves the
step changed. A gate is never skipped without the group behind it.`,
		Example: `  firebreak skip 1123-0301-k7qzm changes --reason "git is down"`,
		Args:    args(2, 2, "a run and a step"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.tell(c.Context(), got[0], server.SkipRequest{Path: got[1], Reason: reason}, "skipped",
				fmt.Sprintf("skipped: %s of run %s", got[1], got[0]))
		},
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}
