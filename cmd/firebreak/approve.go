package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server"
	"github.com/firebreak-ops/firebreak/server/client"
)

func newApprove(a *app) *cobra.Command {
	var step, plan, glass string
	c := withExits(&cobra.Command{
		Use:   "approve RUN",
		Short: "Say yes to what a run asks",
		Long: `approve answers the open gate of a run with yes, and is bound to exactly what
"firebreak runs show" shows of it at that moment: should that change before it
is acted on, the run asks again. With --plan, which stands in the line that the run shows with its
question, it is a yes to the plan that was read: where another one is asked about by now, it is
refused, and says what differs. Who asked for the run may not approve it. --break-glass is for a lone on-call in an
emergency: a role must allow it, and it is told and recorded in red. Where a gate
needs several people, approve says how many have said yes so far.`,
		Example: `  firebreak approve 1123-0301-k7qzm --plan 5f0c2a91d3be
  firebreak approve 1123-0301-k7qzm
  firebreak approve 1123-0301-k7qzm --step relieve --break-glass "alone, database down"`,
		Args: args(1, 1, "a run"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.vote(c.Context(), got[0], step, vote{approve: true, plan: plan, glass: glass})
		},
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&step, "step", "", "which gate, when several are open")
	c.Flags().StringVar(&plan, "plan", "", "the `DIGEST` of the plan that was read, or its first characters")
	c.Flags().StringVar(&glass, "break-glass", "", "the `REASON` to answer in spite of the rules")
	return c
}

type vote struct {
	approve bool
	plan    string // empty: whatever is open
	keep    bool
	reason  string
	glass   string
}

func (a *app) vote(ctx context.Context, run, step string, v vote) error {
	return a.atGate(ctx, run, step, v.plan, func(s *session, view server.View, q engine.Question) error {
		err := s.Say(ctx, run, server.VoteRequest{
			Question: q.ID, Digest: q.Digest, Approve: v.approve, Keep: v.keep, Reason: v.reason, BreakGlass: v.glass,
		})
		if err != nil {
			return err
		}
		if !v.approve {
			return a.said(s, "denied", run, fmt.Sprintf("denied: %s of run %s", q.Path, run), nil)
		}
		return a.approved(ctx, s, run, q, view.Seq)
	})
}

// approved says what a yes to a gate has come to: where several people are
// needed it may only have been counted, and the question may have become void
// in that moment. from is the number of the run's last record before.
func (a *app) approved(ctx context.Context, s *session, run string, q engine.Question, from int) error {
	of := fmt.Sprintf("%s of run %s", q.Path, run)
	if s.own != nil {
		if q.Quorum < 2 {
			return a.said(s, "approved", run, "approved: "+of, nil)
		}
		return a.said(s, "recorded", run, fmt.Sprintf("recorded: your yes to %s, which needs %d", of, q.Quorum), map[string]any{"need": q.Quorum})
	}
	came, err := cameOf(ctx, s, run, q, from)
	if _, gone := errors.AsType[*client.UnreachableError](err); gone || errors.Is(err, client.ErrCut) {
		// The run has ended by it, and with the run its owner.
		err = a.withOwner(ctx, func(s *session) (err error) {
			came, err = cameOf(ctx, s, run, q, from)
			return err
		})
	}
	switch {
	case err != nil:
		return fmt.Errorf("your yes is recorded; what it came to cannot be told: %w", err)
	case came.void != "":
		return a.said(s, "void", run, fmt.Sprintf("void: your yes to %s does not hold: %s", of, came.void), map[string]any{"why": came.void})
	case came.decided:
		return a.said(s, "approved", run, "approved: "+of, nil)
	}
	return a.said(s, "counted", run, fmt.Sprintf("counted: %d of %d have said yes to %s", came.have, q.Quorum, of),
		map[string]any{"have": came.have, "need": q.Quorum})
}

// outcome is what became of a gate's question.
type outcome struct {
	decided bool
	have    int    // how many have said yes
	void    string // why it no longer holds
}

// take notes what a record says of a question.
func (o *outcome) take(e engine.Event, q engine.Question) {
	switch e := e.(type) {
	case engine.VoteCounted:
		if e.ID == q.ID {
			o.have++
		}
	case engine.VoteWithdrawn:
		if e.ID == q.ID {
			o.have--
		}
	case engine.QuestionDecided:
		o.decided = o.decided || e.ID == q.ID && e.Choice == engine.ChoiceApprove
	case engine.GateVoided:
		if e.Path == q.Path {
			o.void = e.Why
		}
	}
}

var errRead = errors.New("everything was read")

// cameOf reads what became of a question in the records that there are after
// one.
func cameOf(ctx context.Context, s *session, run string, q engine.Question, from int) (outcome, error) {
	came := outcome{have: len(q.Votes)}
	view, err := s.Run(ctx, run)
	if err != nil {
		return came, err
	}
	err = s.Watch(ctx, run, from+1, func(line server.Line) error {
		e, err := engine.UnmarshalEvent(line.Kind, line.Data)
		if err != nil {
			return err
		}
		came.take(e, q)
		if line.Seq >= view.Seq {
			return errRead
		}
		return nil
	})
	if errors.Is(err, errRead) {
		err = nil
	}
	return came, err
}
