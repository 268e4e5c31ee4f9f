package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/server"
)

func newResume(a *app) *cobra.Command {
	return withExits(&cobra.Command{
		Use:   "resume [RUN]",
		Short: "Go on with runs that nobody drives",
		Long: `resume becomes the owner of the state and goes on with every run that has not
ended: after a crash, a reboot or a second Ctrl-C. With RUN it follows that run and
ends with it; without, it follows all of them one after the other.

A change that was in flight when the owner died is never started again on a guess:
its plugin is asked what became of it, and where it cannot tell, a person is.`,
		Example: `  firebreak resume
  firebreak resume 1123-0301-k7qzm`,
		Args: args(0, 1, "at most one run"),
		RunE: func(c *cobra.Command, got []string) error { return a.resume(c.Context(), got) },
	}, exitRefused, exitFailedClean, exitFailedDirty, exitCancelledClean, exitCancelledDirty, exitHandedOver, exitParked, exitNotFound, exitState)
}

func (a *app) resume(ctx context.Context, runs []string) (err error) {
	if err := a.hasState(); errors.Is(err, errNoState) && len(runs) == 0 {
		return a.nothingWaits()
	} else if err != nil {
		return err
	}
	s, err := a.connect(ctx, true, a.loadWorkspace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if len(runs) == 0 {
		open, err := s.Runs(ctx, server.Query{Unsettled: true})
		if err != nil {
			return err
		}
		for _, run := range slices.Backward(open) {
			runs = append(runs, run.ID)
		}
	}
	if len(runs) == 0 {
		return a.nothingWaits()
	}
	var worst error
	for _, run := range runs {
		err := a.follow(ctx, s, run)
		var code ended
		if err != nil && !errors.As(err, &code) {
			return fmt.Errorf("run %s: %w", run, err)
		}
		if err != nil {
			worst = err
		}
		if errors.Is(err, errTerminated) || code.code == exitParked || ctx.Err() != nil {
			break
		}
	}
	return worst
}

func (a *app) nothingWaits() error {
	if !a.flags.json {
		a.printf("no run waits\n")
	}
	return nil
}
