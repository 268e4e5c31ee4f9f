package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/server"
)

func newPrune(a *app) *cobra.Command {
	var age, reason string
	c := withExits(&cobra.Command{
		Use:   "prune --older-than AGE",
		Short: "Give up runs that ended long ago, but for a tombstone",
		Long: `prune takes whole runs out of the state that ended longer ago than AGE: their records,
and the runbooks and configurations that no other run needs. A tombstone stays of
each: its id, how many records it had, the hash of the last one, and when, by whom and
why it was pruned, so that audit verify still proves the rest. It cannot be undone, and
a run that was pruned can no longer be undone, either. It takes a role.

A run that has not ended, or of which anything is left to be done, is never pruned, and
nor is one whose records are not as they were written: those are kept and named. The
file does not shrink; its space is used again.`,
		Example: `  firebreak prune --older-than 90d
  firebreak prune --older-than 2160h --reason "retention is 90 days"`,
		Args: args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			old, err := parseAge("--older-than", age)
			if err != nil {
				return err
			}
			if reason == "" {
				reason = "older than " + age
			}
			return a.withOwner(c.Context(), func(s *session) error {
				return a.prune(c.Context(), s, server.PruneRequest{Before: time.Now().UTC().Add(-old), Reason: reason})
			})
		},
	}, exitRefused, exitState, exitAudit)
	c.Flags().StringVar(&age, "older-than", "", "the `AGE` of their ends: 90d, or 2160h")
	c.Flags().StringVar(&reason, "reason", "", "why (default: older than AGE)")
	return c
}

// parseAge reads a number of days, or a duration as elsewhere.
func parseAge(flag, text string) (time.Duration, error) {
	if text == "" {
		return 0, &usageError{err: fmt.Errorf("%s AGE is missing", flag), hint: "as in " + flag + " 90d"}
	}
	old, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		old = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || old <= 0 {
		return 0, &usageError{err: fmt.Errorf("%s %s is no age", flag, text), hint: "write days, as in 90d, or hours, as in 36h"}
	}
	return old, nil
}

func (a *app) prune(ctx context.Context, s *session, req server.PruneRequest) error {
	done, err := s.Prune(ctx, req)
	if err != nil {
		return err
	}
	if a.flags.json {
		if err := a.printJSON(struct {
			Type string `json:"type"`
			server.Pruned
		}{"pruned", done}); err != nil {
			return err
		}
	} else {
		a.printf("pruned %d runs, with %d records\n", done.Runs, done.Records)
		for _, run := range done.Kept {
			a.printf("run %s is kept: it is not as it was written: firebreak audit verify %s\n", run, run)
		}
	}
	if len(done.Kept) > 0 {
		return ended{exitAudit}
	}
	return nil
}
