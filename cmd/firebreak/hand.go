package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server"
)

func newHand(a *app) *cobra.Command {
	var step, reason string
	c := withExits(&cobra.Command{
		Use:   "hand RUN PERSON",
		Short: "Leave the answer to a gate to somebody else",
		Long: `hand leaves your answer to the open gate of a run to another person of
firebreak.yaml, who needs a role there, but not the gate's. From then on they may
answer and you may not, however often that gate is asked.`,
		Example: `  firebreak hand 1123-0301-k7qzm eve --reason "she knows that database"`,
		Args:    args(2, 2, "a run and a person"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.atGate(c.Context(), got[0], step, "", func(s *session, _ server.View, q engine.Question) error {
				if err := s.Say(c.Context(), got[0], server.HandRequest{Question: q.ID, To: got[1], Reason: reason}); err != nil {
					return err
				}
				return a.said(s, "handed", got[0], fmt.Sprintf("left to %s: %s of run %s", got[1], q.Path, got[0]), nil)
			})
		},
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&step, "step", "", "which gate, when several are open")
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}
