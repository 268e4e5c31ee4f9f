package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server"
)

func newProvide(a *app) *cobra.Command {
	var reason string
	c := withExits(&cobra.Command{
		Use:   "provide RUN STEP VALUE",
		Short: "Give a run the value that it asks for",
		Long: `provide answers what an ask step asks for: a text, a number, true or false, a
duration or the name of a service, as the question says. Who is in a role that is
asked may do so, and who started the run as well if they are: a value approves
nothing. What does not fit is refused, and the question stays open.`,
		Example: `  firebreak provide 1123-0301-k7qzm size 80 --reason "there is room for a hundred"
  firebreak provide 1123-0301-k7qzm pause 1m30s
  firebreak provide 1123-0301-k7qzm offset -- -5`,
		Args: args(3, 3, "a run, a step and a value"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.provide(c.Context(), got[0], got[1], got[2], reason)
		},
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&reason, "reason", "", "why this value")
	return c
}

func (a *app) provide(ctx context.Context, run, step, value, reason string) error {
	return a.withOwner(ctx, func(s *session) error {
		view, err := s.Run(ctx, run)
		if err != nil {
			return err
		}
		q, err := pick(view, step, func(q engine.Question) bool { return q.Kind == engine.AskValue }, "question for a value of "+step)
		if err != nil {
			return err
		}
		if err := s.Say(ctx, run, server.ProvideRequest{Question: q.ID, Value: typed(q.Value, value), Reason: reason}); err != nil {
			return err
		}
		return a.said(s, "provided", run, fmt.Sprintf("provided: %s of run %s is %s", q.Path, run, value), nil)
	})
}

// typed is what a person wrote as JSON of the type that is asked for. What is
// none stays text, and is refused with what is wanted.
func typed(kind, value string) json.RawMessage {
	switch kind {
	case "integer", "number", "boolean":
		if json.Valid([]byte(value)) {
			return json.RawMessage(value)
		}
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil // never: a text can be written as JSON
	}
	return text
}
