package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server"
)

func newExtend(a *app) *cobra.Command {
	var step string
	c := withExits(&cobra.Command{
		Use:   "extend RUN [DURATION]",
		Short: "Keep a gate open longer",
		Long: `extend gives people more time to answer the open gate of a run: each time at most
what the runbook gives it in all, which is what it does without DURATION, and
three times at most. Who may answer the gate may do so.`,
		Example: `  firebreak extend 1123-0301-k7qzm
  firebreak extend 1123-0301-k7qzm 10m --step relieve`,
		Args: args(1, 2, "a run, and maybe a duration"),
		RunE: func(c *cobra.Command, got []string) error {
			var more time.Duration
			if len(got) > 1 {
				var err error
				if more, err = time.ParseDuration(got[1]); err != nil || more <= 0 {
					return fail(exitUsage, "write it as 90s, 5m or 1h30m", "%q is no duration", got[1])
				}
			}
			return a.extend(c.Context(), got[0], step, more)
		},
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&step, "step", "", "which gate, when several are open")
	return c
}

// extend keeps a gate open longer; 0: by as long as the runbook gives it.
func (a *app) extend(ctx context.Context, run, step string, more time.Duration) error {
	return a.atGate(ctx, run, step, "", func(s *session, _ server.View, q engine.Question) error {
		if err := s.Say(ctx, run, server.ExtendRequest{Question: q.ID, Seconds: more.Seconds()}); err != nil {
			return err
		}
		view, err := s.Run(ctx, run)
		if err != nil {
			return err
		}
		text := "there will be more time"
		for _, now := range view.Questions {
			if now.ID == q.ID && now.Expires.After(q.Expires) { // else nobody drives the run now
				text = "open until " + now.Expires.Local().Format("15:04:05")
			}
		}
		return a.said(s, "extended", run, fmt.Sprintf("%s: %s of run %s", text, q.Path, run), nil)
	})
}
