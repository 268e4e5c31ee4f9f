package main

import (
	"github.com/spf13/cobra"
)

func newDeny(a *app) *cobra.Command {
	var step string
	var v vote
	c := withExits(&cobra.Command{
		Use:   "deny RUN",
		Short: "Say no to what a run asks",
		Long: `deny answers the open gate of a run with no. What is already changed and not
verified is undone, unless --keep says to leave it.`,
		Example: `  firebreak deny 1123-0301-k7qzm --reason "the migration needs the small pool"`,
		Args:    args(1, 1, "a run"),
		RunE:    func(c *cobra.Command, got []string) error { return a.vote(c.Context(), got[0], step, v) },
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&step, "step", "", "which gate, when several are open")
	c.Flags().StringVar(&v.reason, "reason", "", "why")
	c.Flags().BoolVar(&v.keep, "keep", false, "leave what is changed as it is")
	return c
}
