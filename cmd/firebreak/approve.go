package main

import (
	"context"
	"fmt"
	"slices"

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
emergency: a role must allow it, and it is told and recorded in red. Where a gate
needs several people, approve says how many have said yes so far.`,
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
	return a.atGate(ctx, run, step, func(s *session, q engine.Question) error {
		err := s.Say(ctx, run, server.VoteRequest{
			Question: q.ID, Digest: q.Digest, Approve: v.approve, Keep: v.keep, Reason: v.reason, BreakGlass: v.glass,
		})
		if err != nil {
			return err
		}
		if !v.approve {
			return a.said(s, "denied", run, fmt.Sprintf("denied: %s of run %s", q.Path, run), nil)
		}
		return a.approved(ctx, s, run, q, v)
	})
}

// approved says what a yes to a gate has come to: where several people are
// needed it may only have been counted.
func (a *app) approved(ctx context.Context, s *session, run string, q engine.Question, v vote) error {
	of := fmt.Sprintf("%s of run %s", q.Path, run)
	if q.Quorum < 2 || v.glass != "" {
		return a.said(s, "approved", run, "approved: "+of, nil)
	}
	if s.own != nil {
		return a.said(s, "recorded", run, fmt.Sprintf("recorded: your yes to %s, which needs %d", of, q.Quorum), map[string]any{"need": q.Quorum})
	}
	view, err := s.Run(ctx, run)
	if err != nil {
		return fmt.Errorf("your yes is recorded; what it came to cannot be told: %w", err)
	}
	i := slices.IndexFunc(view.Questions, func(open engine.Question) bool { return open.ID == q.ID })
	if i < 0 {
		return a.said(s, "approved", run, "approved: "+of, nil)
	}
	have := len(view.Questions[i].Votes)
	return a.said(s, "counted", run, fmt.Sprintf("counted: %d of %d have said yes to %s", have, q.Quorum, of),
		map[string]any{"have": have, "need": q.Quorum})
}
