package main

import (
	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/plugins"
)

// newPlugin is how this binary is a built-in plugin: the host executes it
// again with this command.
func newPlugin(*app) *cobra.Command {
	return &cobra.Command{
		Use:    "plugin NAME",
		Short:  "Serve a built-in plugin to the host that started this process",
		Hidden: true,
		Args:   args(1, 1, "the name of a built-in"),
		RunE: func(_ *cobra.Command, got []string) error {
			p, ok := builtins()[got[0]]
			if !ok {
				return fail(exitNotFound, "", "there is no built-in plugin %s", got[0])
			}
			plugins.Serve(p)
			return nil
		},
	}
}
