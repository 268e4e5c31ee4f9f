package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/server"
	"github.com/firebreak-ops/firebreak/server/intake"
)

func newAlerts(a *app) *cobra.Command {
	var limit int
	c := withExits(&cobra.Command{
		Use:     "alerts",
		Short:   "List what alert sources have sent",
		Long:    "alerts looks at what came to firebreak serve, and what became of it. It changes nothing.",
		Example: "  firebreak alerts list",
		Args:    args(0, 0, "list"),
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	})
	list := withExits(&cobra.Command{
		Use:   "list",
		Short: "List alerts, the one that came last first",
		Long: `list shows each alert once, however often it came: which run it started or is part
of, or why it started none. Of one that no trigger answers it says which came nearest
and what of it does not hold. What was no alert, or could not be read, is there, too.`,
		Example: `  firebreak alerts list
  firebreak alerts list --limit 0 --json`,
		Args: args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 0 {
				return &usageError{err: fmt.Errorf("--limit %d is no number of alerts", limit), hint: "0 lists all of them"}
			}
			return a.listAlerts(c.Context(), limit)
		},
	}, exitState)
	list.Flags().IntVar(&limit, "limit", 20, "at most so many; 0: all")
	c.AddCommand(list)
	return c
}

func (a *app) listAlerts(ctx context.Context, limit int) error {
	all, err := a.readAlerts(ctx, wanted(limit))
	if err != nil && !errors.Is(err, errNoState) {
		return err
	}
	defer a.tellNoState(err)
	all, more := some(all, limit)
	defer a.tellMore(more, limit)
	return table(a, "alert", "no alerts", "LAST\tSOURCE\tALERT\tSTATE\tTIMES\tWHAT BECAME OF IT", all, func(w io.Writer, l server.AlertView) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", l.LastAt.Local().Format("2006-01-02 15:04:05"), l.Source,
			chatops.OneLine(l.Name), l.State, l.Times, chatops.OneLine(whatBecame(l)))
	})
}

// readAlerts asks the daemon on another machine, or looks into the state.
func (a *app) readAlerts(ctx context.Context, limit int) (all []server.AlertView, err error) {
	if a.remoteURL() != "" {
		s, err := a.connect(ctx, false, nil)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		return s.Alerts(ctx, limit)
	}
	if err := a.hasState(); err != nil {
		return nil, err
	}
	err = a.withReader(ctx, func(r *sqlite.Reader) error {
		found, err := r.Alerts(ctx, limit, 0)
		for _, one := range found {
			all = append(all, alertView(intake.Entry(one)))
		}
		return err
	})
	return all, err
}

func alertView(e intake.Entry) server.AlertView {
	a, err := e.Alert()
	if err != nil {
		e.Text = "it cannot be read: " + err.Error()
	}
	l := server.AlertView{
		N: e.N, Source: e.Source, Identity: e.Identity, Name: a.Name(), State: "firing", Labels: a.Labels, Annotations: a.Annotations, URL: a.URL,
		StartsAt: e.StartsAt, ReceivedAt: e.ReceivedAt, LastAt: e.LastAt, Times: e.Times, ResolvedAt: e.ResolvedAt, DecidedAt: e.DecidedAt,
		Outcome: e.Outcome, Run: e.Run, Text: e.Text,
	}
	switch {
	case e.Outcome == intake.Note || e.Outcome == intake.Refused:
		l.State, l.ResolvedAt, l.Name = "none", time.Time{}, ""
	case !e.Firing:
		l.State = "resolved"
	}
	if l.Labels == nil {
		l.Labels, l.Annotations = map[string]string{}, map[string]string{}
	}
	return l
}

// whatBecame of an alert, in one sentence.
func whatBecame(l server.AlertView) string {
	switch l.Outcome {
	case "":
		return "it waits to be decided"
	case intake.Started:
		return "started run " + l.Run
	}
	return l.Outcome + ": " + l.Text
}
