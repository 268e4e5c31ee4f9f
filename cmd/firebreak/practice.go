package main

import (
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/runbooks/drills/sandbox"
)

// newPractice is how this binary is a part of a drill's sandbox.
func newPractice(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "practice ROLE",
		Short:  "Be a part of a drill's sandbox",
		Hidden: true,
		Args:   args(1, 1, "a role"),
		RunE: func(c *cobra.Command, got []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGTERM)
			defer stop()
			signal.Ignore(syscall.SIGINT)
			return sandbox.RunRole(ctx, got[0], a.in, a.out, a.err)
		},
	}
}
