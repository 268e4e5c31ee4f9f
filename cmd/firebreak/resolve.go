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

func newResolve(a *app) *cobra.Command {
	var reason string
	c := withExits(&cobra.Command{
		Use:   "resolve RUN STEP CHOICE",
		Short: "Answer what a run asks that is neither a gate nor a value",
		Long: `resolve tells a run what only a person can know or decide:

  an effect in doubt                  happened | not | partial | unknown
  a verify without a verdict          again | accept | keep | undo
  an undo whose target was changed    force | keep
  an undo that a halt has stopped     resume | keep
  a gate that keeps being voided      again | abort
  a run whose locks were broken       relock | end   (its STEP is broken-lock)`,
		Example: `  firebreak resolve 1123-0301-k7qzm restart happened --reason "all pods are new"`,
		Args:    args(3, 3, "a run, a step and a choice"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.resolve(c.Context(), got[0], got[1], got[2], reason)
		},
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&reason, "reason", "", "what you saw")
	return c
}

func (a *app) resolve(ctx context.Context, run, step, choice, reason string) error {
	return a.withOwner(ctx, func(s *session) error {
		view, err := s.Run(ctx, run)
		if err != nil {
			return err
		}
		q, err := pick(view, step, func(q engine.Question) bool { return len(q.Choices) > 0 && q.Kind != engine.AskGate }, "question about "+step)
		if err != nil {
			return err
		}
		if !slices.Contains(q.Choices, choice) {
			return fail(exitUsage, "the choices are "+strings.Join(q.Choices, ", "), "%q is not a choice here", choice)
		}
		if err := s.Say(ctx, run, server.AnswerRequest{Question: q.ID, Choice: choice, Reason: reason}); err != nil {
			return err
		}
		return a.said(s, "resolved", run, fmt.Sprintf("%s of run %s: %s", q.Path, run, choice), nil)
	})
}
