package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server"
)

func newHandBack(a *app) *cobra.Command {
	var reason string
	to := []string{engine.HandResume, engine.HandVerify, engine.HandEnd}
	c := withExits(&cobra.Command{
		Use:   "hand-back RUN resume|verify|end",
		Short: "Give a run back that was taken over",
		Long: `hand-back gives a run back that somebody has taken over, to

  resume   go on: what is left is planned, checked and asked again
  verify   see whether what you did works: what is left of the step that it was at
           counts as done by hand, and the step's verify decides
  end      end as things are: what is changed is yours, the word is handed_over`,
		Example: `  firebreak hand-back 1123-0301-k7qzm verify --reason "restarted by hand"`,
		Args:    args(2, 2, "a run, and resume, verify or end"),
		RunE: func(c *cobra.Command, got []string) error {
			if !slices.Contains(to, got[1]) {
				return fail(exitUsage, "a run is handed back to "+strings.Join(to, ", "), "%q is nothing that a run can be handed back to", got[1])
			}
			return a.tell(c.Context(), got[0], server.HandBackRequest{To: got[1], Reason: reason}, "handed_back",
				fmt.Sprintf("handed back to %s: run %s", got[1], got[0]))
		},
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&reason, "reason", "", "what you did, or why")
	return c
}
