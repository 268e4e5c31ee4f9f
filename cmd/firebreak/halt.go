package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/server"
)

func newHalt(a *app) *cobra.Command {
	var lift, show bool
	c := withExits(&cobra.Command{
		Use:   "halt [REASON]",
		Short: "Stop every change of every run, until it is lifted",
		Long: `halt begins no new change in any run, undo too; what is in flight ends at its next
safe point. Reads, verifies and notices go on. Open questions are void and
answers that were not used no longer count. It survives restarts, covers every way
in, and is lifted with --lift; what it voided is then planned and asked again.`,
		Example: `  firebreak halt "we do not understand this outage"
  firebreak halt --lift`,
		Args: args(0, 1, "a reason"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.withOwner(c.Context(), func(s *session) error {
				return a.halt(c.Context(), s, strings.Join(got, ""), lift, show)
			})
		},
	}, exitRefused, exitState)
	c.Flags().BoolVar(&lift, "lift", false, "end the halt")
	c.Flags().BoolVar(&show, "show", false, "only say whether everything is halted")
	return c
}

func (a *app) halt(ctx context.Context, s *session, reason string, lift, show bool) error {
	switch {
	case lift:
		if err := s.Lift(ctx); err != nil {
			return err
		}
	case !show:
		if err := s.Halt(ctx, server.HaltRequest{Reason: reason}); err != nil {
			return err
		}
	}
	now, err := s.Halted(ctx)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.printJSON(map[string]any{"type": "halt", "halted": now.Halted})
	}
	if now.Halted == nil {
		a.printf("nothing is halted\n")
		return nil
	}
	a.printf("everything is halted by %s since %s: %s\n", now.Halted.By, now.Halted.At.Local().Format("15:04:05"), now.Halted.Reason)
	return nil
}
