package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/server"
)

func newTakeOver(a *app) *cobra.Command {
	return withExits(&cobra.Command{
		Use:   "take-over RUN [REASON]",
		Short: "Go on by hand where a run is",
		Long: `take-over leaves a run to you, with its locks: no other run changes what it would
have changed. What is in flight ends at its next safe point; from then on the run
only reads. Give it back with hand-back. The run waits for that, however long it takes.`,
		Example: `  firebreak take-over 1123-0301-k7qzm "the rollback is not enough, I do the rest"`,
		Args:    args(1, 2, "a run, and maybe a reason"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.tell(c.Context(), got[0], server.TakeOverRequest{Reason: strings.Join(got[1:], "")}, "taken_over",
				"run "+got[0]+" is yours; give it back with\n  "+chatops.HandBack(a.as(got[0])))
		},
	}, exitRefused, exitNotFound, exitState)
}
