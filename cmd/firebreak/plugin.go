package main

import (
	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/builtin/pgbouncer"
)

// attendVerb is the command by which newAttend is started.
const attendVerb = "attend-pause"

// newAttend is how this binary sees to it that what is paused in a pooler does
// not stay so: the plugin executes it again with this command.
func newAttend(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    attendVerb,
		Short:  "End a pause of a connection pooler in time, whatever becomes of who began it",
		Hidden: true,
		Args:   args(0, 0, "nothing"),
		RunE:   func(*cobra.Command, []string) error { return pgbouncer.Attend(a.in, a.out) },
	}
}

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
