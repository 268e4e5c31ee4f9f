package main

import (
	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/server"
)

func newCancel(a *app) *cobra.Command {
	var req server.CancelRequest
	c := withExits(&cobra.Command{
		Use:   "cancel RUN",
		Short: "Stop a run before its next change",
		Long: `cancel begins nothing new: what is in flight ends at its next safe point and is
recorded, handlers under finally only read, and what stays changed is listed.
Nothing is undone unless --undo says so.`,
		Example: `  firebreak cancel 1123-0301-k7qzm --undo --reason "wrong service"`,
		Args:    args(1, 1, "a run"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.tell(c.Context(), got[0], req, "cancelled", "cancelling run "+got[0])
		},
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&req.Reason, "reason", "", "why")
	c.Flags().BoolVar(&req.Undo, "undo", false, "also undo what is changed and not verified")
	return c
}
