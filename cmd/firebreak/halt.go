package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server"
)

func newHalt(a *app) *cobra.Command {
	var service string
	var lift, show bool
	c := withExits(&cobra.Command{
		Use:   "halt [REASON]",
		Short: "Stop every change of every run, until it is lifted",
		Long: `halt begins no new change in any run, undo too; what is in flight ends at its next
safe point. Reads, verifies and notices go on. Open questions are void and
answers that were not used no longer count. It survives restarts, covers every way
in, and is lifted with --lift; what it voided is then planned and asked again.
With --service it stops the runs of one service.`,
		Example: `  firebreak halt "we do not understand this outage"
  firebreak halt --service api "the database is being moved"
  firebreak halt --lift`,
		Args: args(0, 1, "a reason"),
		RunE: func(c *cobra.Command, got []string) error {
			if err := oneOf(c, "lift", "show"); err != nil {
				return err
			}
			if show && len(got) > 0 {
				return &usageError{err: errors.New("--show stops nothing, so it takes no reason"), hint: "leave --show out to halt"}
			}
			req := server.StopRequest{Kind: engine.StopHalt, Service: service, Reason: strings.Join(got, "")}
			if show {
				return a.standing(c.Context())
			}
			return a.order(c.Context(), req, !lift)
		},
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&service, "service", "", "only the runs of this service")
	c.Flags().BoolVar(&lift, "lift", false, "end the halt")
	c.Flags().BoolVar(&show, "show", false, "only say what is halted or held")
	return c
}

func newHold(a *app) *cobra.Command {
	var lift bool
	c := withExits(&cobra.Command{
		Use:   "hold SERVICE [REASON]",
		Short: "Keep automation off a service while you are at it",
		Long: `hold stops the runs of one service as halt does, and says that somebody is at it.
firebreak holds a service by itself when a run has left something changed that
nobody has verified; undoing that run is possible all the same.`,
		Example: `  firebreak hold api "I am at the database"
  firebreak hold api --lift`,
		Args: args(1, 2, "a service, and maybe a reason"),
		RunE: func(c *cobra.Command, got []string) error {
			req := server.StopRequest{Kind: engine.StopHold, Service: got[0], Reason: strings.Join(got[1:], "")}
			return a.order(c.Context(), req, !lift)
		},
	}, exitRefused, exitNotFound, exitState)
	c.Flags().BoolVar(&lift, "lift", false, "end the hold")
	return c
}

// order stops something, or lifts that, and says what then stands. To stop
// everything needs no configuration; who may lift what stands in it.
func (a *app) order(ctx context.Context, req server.StopRequest, on bool) error {
	load := a.loadWorkspace
	if on && req.Service == "" {
		load = a.workspaceOrNone
	}
	return a.asOwner(ctx, load, func(s *session) error {
		do := s.Stop
		if !on {
			do = s.Lift
		}
		if err := do(ctx, req); err != nil {
			return err
		}
		return a.showStops(ctx, s)
	})
}

// standing says what is stopped, without a state file too.
func (a *app) standing(ctx context.Context) error {
	err := a.withRuns(ctx, a.workspaceOrNone, func(s *session) error { return a.showStops(ctx, s) })
	if errors.Is(err, errNoState) {
		return a.writeStops(nil, false)
	}
	return err
}

func (a *app) showStops(ctx context.Context, s *session) error {
	now, err := s.Stops(ctx)
	if err != nil {
		return err
	}
	h, err := s.Health(ctx)
	if err != nil {
		return err
	}
	return a.writeStops(now.Stops, h.Drives)
}

// writeStops says what stands, and, where nobody drives the runs that it is
// about, in which state: another one goes on.
func (a *app) writeStops(stops []engine.Stop, driven bool) error {
	where := a.remoteURL()
	if where == "" {
		var err error
		if where, err = a.statePath(); err != nil {
			return err
		}
	}
	if a.flags.json {
		return a.printJSON(map[string]any{"type": "stops", "stops": append([]engine.Stop{}, stops...), "state": where, "driven": driven})
	}
	if len(stops) == 0 {
		a.printf("nothing is halted or held\n")
	}
	for _, stop := range stops {
		what, word := "everything", "halted"
		if stop.Service != "" {
			what = stop.Service
		}
		if stop.Kind == engine.StopHold {
			word = "held"
		}
		why := ""
		if stop.Reason != "" {
			why = ": " + chatops.OneLine(stop.Reason)
		}
		a.printf("%s is %s by %s since %s%s\n", what, word, stop.By, stop.At.Local().Format("15:04:05"), why)
	}
	if !driven {
		a.printf("  so it is in %s, where nobody drives runs now; a firebreak that has another state goes on: name that with --state\n", where)
	}
	return nil
}
