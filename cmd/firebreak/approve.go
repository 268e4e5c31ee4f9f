package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server"
)

func newApprove(a *app) *cobra.Command {
	var step, glass string
	c := withExits(&cobra.Command{
		Use:   "approve RUN",
		Short: "Say yes to what a run asks",
		Long: `approve answers the open gate of a run with yes, and is bound to exactly what is
shown: should that change before it is acted on, the run asks again. Who asked
for the run may not approve it. --break-glass is for a lone on-call in an
emergency: a role must allow it, and it is told and recorded in red.`,
		Example: `  firebreak approve 1123-0301-k7qzm
  firebreak approve 1123-0301-k7qzm --step relieve --break-glass "alone, database down"`,
		Args: args(1, 1, "a run"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.vote(c.Context(), got[0], step, vote{approve: true, glass: glass})
		},
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&step, "step", "", "which gate, when several are open")
	c.Flags().StringVar(&glass, "break-glass", "", "the `REASON` to answer in spite of the rules")
	return c
}

type vote struct {
	approve bool
	keep    bool
	reason  string
	glass   string
}

func (a *app) vote(ctx context.Context, run, step string, v vote) error {
	return a.withOwner(ctx, func(s *session) error {
		view, err := s.Run(ctx, run)
		if err != nil {
			return err
		}
		q, err := pick(view, step, func(q engine.Question) bool { return q.Kind == engine.AskGate }, "gate")
		if err != nil {
			return err
		}
		err = s.Vote(ctx, run, server.VoteRequest{
			Question: q.ID, Digest: q.Digest, Approve: v.approve, Keep: v.keep, Reason: v.reason, BreakGlass: v.glass,
		})
		if err != nil {
			return err
		}
		what := "denied"
		if v.approve {
			what = "approved"
		}
		return a.said(s, what, run, fmt.Sprintf("%s: %s of run %s", what, q.Path, run))
	})
}
