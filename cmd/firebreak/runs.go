package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server"
)

func newRuns(a *app) *cobra.Command {
	c := withExits(&cobra.Command{
		Use:   "runs",
		Short: "List, show and watch runs",
		Long:  "runs looks at runs, those that have ended included. It changes nothing.",
		Example: `  firebreak runs list
  firebreak runs show 1123-0301-k7qzm
  firebreak runs watch 1123-0301-k7qzm`,
		Args: args(0, 0, "list, show or watch"),
		RunE: func(c *cobra.Command, _ []string) error { return a.listRuns(c.Context(), server.Query{Limit: 20}) },
	}, exitState)
	var q server.Query
	list := withExits(&cobra.Command{
		Use:     "list",
		Short:   "List runs, newest first",
		Long:    "list shows runs, newest first.",
		Example: "  firebreak runs list --open",
		Args:    args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if q.Limit < 0 {
				return &usageError{err: fmt.Errorf("--limit %d is no number of runs", q.Limit), hint: "0 lists all of them"}
			}
			return a.listRuns(c.Context(), q)
		},
	}, exitState)
	list.Flags().BoolVar(&q.Unsettled, "open", false, "only those that have not ended")
	list.Flags().StringVar(&q.Service, "service", "", "only those of a service")
	list.Flags().IntVar(&q.Limit, "limit", 20, "at most so many; 0: all")
	show := withExits(&cobra.Command{
		Use:     "show RUN",
		Short:   "Show one run: its steps, what it waits for, what it changed",
		Long:    "show prints a run as it stands: its steps, what it waits for and on whom, its open\nquestions, and the ledger of everything that it changed. That somebody who may\nanswer has looked at what is open is recorded, but not with --json.",
		Example: "  firebreak runs show 1123-0301-k7qzm --json",
		Args:    args(1, 1, "a run"),
		RunE:    func(c *cobra.Command, got []string) error { return a.showRun(c.Context(), got[0]) },
	}, exitNotFound, exitState)
	watch := withExits(&cobra.Command{
		Use:     "watch RUN",
		Short:   "Follow a run that somebody else drives",
		Long:    "watch shows a run from its beginning and follows it to its end. Ctrl-C only stops\nwatching. It ends with the run's exit code.",
		Example: "  firebreak runs watch 1123-0301-k7qzm",
		Args:    args(1, 1, "a run"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.withOwner(c.Context(), func(s *session) error {
				f := &follower{app: a, s: s, run: got[0], as: a.as(got[0])}
				return f.follow(c.Context())
			})
		},
	}, exitRefused, exitFailedClean, exitFailedDirty, exitCancelledClean, exitCancelledDirty, exitHandedOver, exitParked, exitNotFound, exitState)
	c.AddCommand(list, show, watch)
	return c
}

func (a *app) listRuns(ctx context.Context, q server.Query) error {
	err := a.withRuns(ctx, a.workspaceOrNone, func(s *session) error {
		limit := q.Limit
		q.Limit = wanted(limit)
		runs, err := s.Runs(ctx, q)
		if err != nil {
			return err
		}
		runs, more := some(runs, limit)
		defer a.tellMore(more, limit)
		if a.flags.json {
			for _, r := range runs {
				line := struct {
					Type string `json:"type"`
					engine.Head
				}{"run", r}
				if err := a.printJSON(line); err != nil {
					return err
				}
			}
			return nil
		}
		if len(runs) == 0 {
			a.printf("no runs\n")
			return nil
		}
		w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "RUN\tRUNBOOK\tSERVICE\tSTATE\tSTARTED\tBY")
		for _, r := range runs {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, chatops.Plain(r.Runbook), r.Service, chatops.State(r),
				r.StartedAt.Local().Format("2006-01-02 15:04:05"), chatops.Requester(r.Requester))
		}
		if err := w.Flush(); err != nil {
			return err
		}
		return a.tellUndriven(ctx, s, runs)
	})
	if !errors.Is(err, errNoState) {
		return err
	}
	if !a.flags.json {
		a.printf("no runs\n")
	}
	a.tellNoState(err)
	return nil
}

// tellUndriven says so when runs have not ended and no process drives them.
func (a *app) tellUndriven(ctx context.Context, s *session, runs []engine.Head) error {
	h, err := s.Health(ctx)
	if err != nil || h.Drives || !slices.ContainsFunc(runs, func(r engine.Head) bool { return r.Word == "" }) {
		return err
	}
	a.printf("\nnobody drives the runs that have not ended: firebreak resume\n")
	return nil
}

func (a *app) showRun(ctx context.Context, id string) error {
	return a.withOwner(ctx, func(s *session) error {
		view, err := s.Run(ctx, id)
		if err != nil {
			return err
		}
		if a.flags.json {
			return a.printJSON(struct {
				Type string `json:"type"`
				server.View
			}{"run", view})
		}
		var text strings.Builder
		writeView(&text, view, a.as(view.ID), time.Now())
		a.printf("%s", chatops.Plain(text.String()))
		looked(ctx, s, view)
		return nil
	})
}

// looked tells the owner of a run that somebody has been shown what it asks. That
// it cannot be told, or is of no use, is no news to them.
func looked(ctx context.Context, s *session, view server.View) {
	if s.own != nil {
		return // nobody drives the run now, and nobody waits
	}
	for _, q := range view.Questions {
		_ = s.Say(ctx, view.ID, server.LookRequest{Question: q.ID})
	}
}

// writeView prints a run for people.
func writeView(out io.Writer, v server.View, as string, now time.Time) {
	end := now
	state := string(v.Phase)
	if v.Word != "" {
		state, end = string(v.Word), v.EndedAt
	}
	fmt.Fprintf(out, "run %s  %s  %s\n", v.ID, v.Runbook, v.Title)
	fmt.Fprintf(out, "  %s after %s, %s of it waiting for people; started by %s",
		state, chatops.Elapsed(end.Sub(v.StartedAt)), chatops.Elapsed(time.Duration(v.PeopleSeconds*float64(time.Second))),
		chatops.Requester(v.Requester))
	if v.Service != "" {
		fmt.Fprintf(out, "; service %s (%s)", v.Service, v.Environment)
	}
	fmt.Fprintln(out)
	for _, o := range v.Origins {
		fmt.Fprintf(out, "  %s is from: %s\n", o.Runbook, o)
	}
	if v.UndoneBy != "" {
		fmt.Fprintf(out, "  undone by run %s; `firebreak runs show %s` shows how much of it\n", v.UndoneBy, v.UndoneBy)
	}
	if v.Cause != nil {
		fmt.Fprintf(out, "  stopped by %s: %s\n", v.Cause.Kind, chatops.OneLine(v.Cause.Reason))
	}
	if v.Word == "" {
		writeStops(out, v, as)
	}
	if v.WouldHave != nil {
		fmt.Fprintf(out, "\nwould have asked at %s (%s)\n", v.WouldHave.Path, v.WouldHave.Class)
		for _, line := range outline(v.Steps).Members(v.WouldHave.Members) {
			fmt.Fprintln(out, line)
		}
	}
	writeSteps(out, v)
	writeWaits(out, v, as, now)
	writeApproved(out, v)
	writeAnswers(out, v)
	if len(v.Ledger) > 0 {
		fmt.Fprintln(out, "\nchanges")
		for _, row := range v.Ledger {
			why := chatops.OneLine(row.Why)
			if row.UndoneBy != "" {
				why = "undone by run " + row.UndoneBy
			}
			fmt.Fprintln(out, strings.TrimRight(fmt.Sprintf("  %-22s %-19s %-11s %s", row.Path, row.Action, row.State, why), " "))
		}
	}
}

// writeStops prints what keeps a run from changing anything.
func writeStops(out io.Writer, v server.View, as string) {
	for _, s := range v.Stops {
		text := fmt.Sprintf("  nothing is changed: %s since %s", chatops.Stopped(s), s.At.Local().Format("15:04:05"))
		if s.Kind == engine.StopFreeze {
			text = "  nothing new is begun: " + chatops.Stopped(s)
		}
		if s.Reason != "" {
			text += ": " + chatops.OneLine(s.Reason)
		}
		fmt.Fprintln(out, text)
		if s.Kind == engine.StopTakeOver {
			fmt.Fprintf(out, "    %s\n", chatops.HandBack(as))
		}
	}
}

// writeSteps prints the tree of steps, handlers under their own heads.
func writeSteps(out io.Writer, v server.View) {
	names, part := outline(v.Steps), ""
	fmt.Fprintln(out, "\nsteps")
	for _, s := range v.Steps {
		path := s.Path
		head, rest, nested := strings.Cut(path, "/")
		if nested && (head == "on_failure" || head == "finally") {
			path = rest
			if part != head {
				part = head
				fmt.Fprintf(out, "\n%s\n", head)
			}
		}
		took := ""
		if !s.StartedAt.IsZero() && !s.EndedAt.IsZero() {
			took = chatops.Elapsed(s.EndedAt.Sub(s.StartedAt))
		}
		depth := 2 * strings.Count(path, "/")
		line := fmt.Sprintf("  %s%-*s %-11s %7s  %s", strings.Repeat(" ", depth), 22-depth, names.Name(s.Path), s.Status, took, reasonOf(s))
		fmt.Fprintln(out, strings.TrimRight(line, " "))
	}
}

func reasonOf(s server.StepView) string {
	if s.Failure != nil {
		return s.Failure.Class + ": " + chatops.OneLine(s.Failure.Reason)
	}
	if s.ID == "" {
		return "" // it is called by its action
	}
	return s.Uses
}

func writeWaits(out io.Writer, v server.View, as string, now time.Time) {
	if len(v.Waits) == 0 {
		return
	}
	fmt.Fprintln(out, "\nwaits for")
	for _, w := range v.Waits {
		text := w.On
		if w.Path != "" {
			text += " at " + w.Path
		}
		if len(w.Who) > 0 && w.Path != "" { // else it is a stop, which is told above
			text += ", of " + strings.Join(w.Who, " or ")
		}
		if !w.Until.IsZero() {
			text += ", until " + w.Until.Local().Format("15:04:05")
		}
		if w.On == "lock" {
			text += ": " + w.Text
		}
		fmt.Fprintf(out, "  %s\n", text)
	}
	for _, q := range slices.Backward(v.Questions) {
		for _, line := range outline(v.Steps).Card(as, q, now, 0) {
			fmt.Fprintf(out, "    %s\n", line)
		}
	}
}

// writeAnswers prints what people were asked, and how long each role took from
// when it was asked.
func writeAnswers(out io.Writer, v server.View) {
	names := outline(v.Steps)
	for i, a := range v.Answers {
		if i == 0 {
			fmt.Fprintln(out, "\nasked")
		}
		fmt.Fprintf(out, "  %-22s %s, after %s\n", names.Name(a.Path), answered(a), inSeconds(a.Seconds))
		for _, of := range a.Asked {
			looked, said := "nobody looked", "no answer"
			if of.LookSeconds != nil {
				looked = "looked after " + inSeconds(*of.LookSeconds)
			}
			if of.AnswerSeconds != nil {
				said = "answered after " + inSeconds(*of.AnswerSeconds)
			}
			fmt.Fprintf(out, "    %-20s %s, %s\n", of.Role, looked, said)
		}
	}
}

func answered(a server.Answer) string {
	switch {
	case a.Choice == engine.ChoiceExpired:
		return "nobody answered in time"
	case a.Question == engine.AskValue:
		return "answered by " + a.By
	default:
		return a.Choice + " by " + a.By
	}
}

func inSeconds(s float64) string { return chatops.Elapsed(time.Duration(s * float64(time.Second))) }

// writeApproved prints what people have said yes to and nothing has used yet.
func writeApproved(out io.Writer, v server.View) {
	for i, g := range v.Approved {
		if i == 0 {
			fmt.Fprintln(out, "\napproved, and not begun")
		}
		fmt.Fprintf(out, "  %s by %s, until %s\n", g.Path, chatops.Names(g.Votes), g.Until.Local().Format("15:04:05"))
	}
}
