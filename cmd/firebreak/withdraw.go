package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server"
)

func newWithdraw(a *app) *cobra.Command {
	var step, reason string
	c := withExits(&cobra.Command{
		Use:   "withdraw RUN",
		Short: "Take back your yes",
		Long: `withdraw takes back your yes to a gate, as long as nothing has begun under it.
Where the gate was passed already, everybody is asked again. Once something has
begun it is too late: cancel the run instead.`,
		Example: `  firebreak withdraw 1123-0301-k7qzm --reason "that is the wrong cluster"`,
		Args:    args(1, 1, "a run"),
		RunE:    func(c *cobra.Command, got []string) error { return a.withdraw(c.Context(), got[0], step, reason) },
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&step, "step", "", "the gate of which `STEP`, when you have said yes to several")
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}

func (a *app) withdraw(ctx context.Context, run, step, reason string) error {
	return a.withOwner(ctx, func(s *session) error {
		if step == "" {
			var err error
			if step, err = a.saidYes(ctx, s, run); err != nil {
				return err
			}
		}
		if err := s.Say(ctx, run, server.WithdrawRequest{Path: step, Reason: reason}); err != nil {
			return err
		}
		return a.said(s, "withdrawn", run, fmt.Sprintf("withdrawn: your yes to %s of run %s", step, run), nil)
	})
}

// saidYes is the path of the one gate that the person who asks has said yes to.
func (a *app) saidYes(ctx context.Context, s *session, run string) (string, error) {
	view, err := s.Run(ctx, run)
	if err != nil {
		return "", err
	}
	me, err := s.Health(ctx)
	if err != nil {
		return "", err
	}
	mine := func(y engine.Yes) bool { return y.By == me.You.Person }
	var paths []string
	for _, q := range view.Questions {
		if slices.ContainsFunc(q.Votes, mine) {
			paths = append(paths, q.Path)
		}
	}
	for _, g := range view.Approved {
		if slices.ContainsFunc(g.Votes, mine) {
			paths = append(paths, g.Path)
		}
	}
	switch len(paths) {
	case 0:
		return "", fail(exitNotFound, "`firebreak runs show "+run+"` says who has said yes to what; with --step the run says why it refuses",
			"%s has said yes to nothing of run %s that could be taken back", me.You.Person, run)
	case 1:
		return paths[0], nil
	default:
		return "", fail(exitUsage, "name one with --step: "+strings.Join(paths, ", "), "%s has said yes to several things of run %s", me.You.Person, run)
	}
}
