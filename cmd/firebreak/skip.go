package main

import (
	"context"
	"fmt"
	"slices"

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
			return a.skip(c.Context(), got[0], got[1], reason)
		},
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}

func (a *app) skip(ctx context.Context, run, step, reason string) error {
	return a.withOwner(ctx, func(s *session) error {
		view, err := s.Run(ctx, run)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(view.Steps, func(v server.StepView) bool { return v.Path == step || v.ID == step }) {
			return noStep(run, step)
		}
		if err := s.Say(ctx, run, server.SkipRequest{Path: step, Reason: reason}); err != nil {
			return err
		}
		return a.said(s, "skipped", run, fmt.Sprintf("skipped: %s of run %s", step, run), nil)
	})
}

// noStep says that a run has no step of a name.
func noStep(run, step string) error {
	return fail(exitNotFound, "`firebreak runs show "+run+"` lists its steps", "there is no step %s in run %s", step, run)
}
