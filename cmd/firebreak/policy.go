package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/server"
)

func newPolicy(a *app) *cobra.Command {
	c := withExits(&cobra.Command{
		Use:     "policy",
		Short:   "Show what the rules hold back",
		Long:    "policy shows what the rules under policy: in firebreak.yaml hold back, and the way\npast each. It changes nothing.",
		Example: "  firebreak policy show",
		Args:    args(0, 0, "show"),
		RunE:    func(c *cobra.Command, _ []string) error { return a.showPolicy(c.Context(), "") },
	}, exitProblems, exitState)
	var at string
	show := withExits(&cobra.Command{
		Use:   "show",
		Short: "Show what is frozen, and until when",
		Long: `show says of each rule whether it holds now, until when, and what it is about. With
--at it says so of another time.
The owner of the state answers by the firebreak.yaml that it has read, and counts its
runs; with --config FILE that file is
shown, as if nothing had run, which is how a rule is tried before it counts.`,
		Example: "  firebreak policy show\n  firebreak policy show --config new.yaml\n  firebreak policy show --at \"2026-12-24 18:00\"",
		Args:    args(0, 0, "no arguments"),
		RunE:    func(c *cobra.Command, _ []string) error { return a.showPolicy(c.Context(), at) },
	}, exitProblems, exitState)
	show.Flags().StringVar(&at, "at", "", "of this `TIME`: 2026-12-24 18:00 by the clock of this machine, or 2026-12-24T18:00:00+01:00")
	c.AddCommand(show)
	return c
}

func (a *app) showPolicy(ctx context.Context, text string) error {
	var at time.Time
	if text != "" {
		var err error
		if at, err = parseAt(text); err != nil {
			return err
		}
	}
	var view server.PolicyView
	err := errNoState
	if a.flags.config == "" {
		err = a.withOwner(ctx, func(s *session) (err error) {
			view, err = s.Policy(ctx, at)
			return err
		})
	}
	if errors.Is(err, errNoState) {
		view, err = a.policyOfFile(ctx, at)
	}
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.printJSON(struct {
			Type string `json:"type"`
			server.PolicyView
		}{"policy", view})
	}
	for _, line := range policyLines(view) {
		a.printf("%s\n", chatops.Plain(line))
	}
	return nil
}

// policyOfFile is what the rules of the configuration here say, of no run.
func (a *app) policyOfFile(ctx context.Context, at time.Time) (server.PolicyView, error) {
	ws, err := a.loadWorkspace(ctx)
	if err != nil {
		return server.PolicyView{}, err
	}
	now := time.Now()
	if at.IsZero() {
		at = now
	}
	rules, err := newRules(ws.config, now)
	if err != nil {
		return server.PolicyView{}, err
	}
	view := rules.view(at)
	if at.Equal(now) && rules.bounded {
		view.Automation = rules.now(nil, 0, now)
	}
	return view, nil
}

// parseAt reads a time as people write it.
func parseAt(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, &usageError{
		err:  fmt.Errorf("--at %q is no time", text),
		hint: `write "2026-12-24 18:00", or 2026-12-24T18:00:00+01:00`,
	}
}

// policyLines say what the rules hold back, what does so now first.
func policyLines(v server.PolicyView) []string {
	var stand, others []string
	for _, f := range v.Freezes {
		text := freezeLine(f)
		switch {
		case f.Stands:
			stand = append(stand, text)
		case !f.Until.IsZero():
			others = append(others, text)
		}
	}
	if len(stand) == 0 {
		stand = []string{"nothing is frozen"}
	} else {
		stand = append(stand, "  until then a yes takes --break-glass REASON; undos go on")
	}
	if len(others) > 0 {
		others = append([]string{"", "to come"}, others...)
	}
	return append(append(stand, automationLines(v.Automation)...), others...)
}

// automationLines say what runs of automation may do now.
func automationLines(a *server.AutomationView) []string {
	if a == nil {
		return nil
	}
	lines := []string{"", "runs of automation"}
	if o := a.ReadOnly; o != nil {
		text := fmt.Sprintf("  %d services alert, of at most %d, by %s", o.Alerting, o.Services, o.Rule)
		if o.Stands {
			text += ": they change nothing until fewer do"
		}
		lines = append(lines, text)
	}
	if b := a.Budget; b != nil {
		lines = append(lines, fmt.Sprintf("  %d of %d changes left, of all runs within %s, by %s", b.Left, b.Changes, time.Duration(b.PerSeconds)*time.Second, b.Rule))
	}
	for _, h := range a.Held {
		text := fmt.Sprintf("  %s does not change %s until %s, by %s", h.Runbook, h.Service, h.Until.Local().Format("2006-01-02 15:04"), h.Rule)
		if h.Kind == "breaker" {
			text += "; one that a person starts and that succeeds closes it: firebreak run " + h.Runbook
		}
		lines = append(lines, text)
	}
	for _, s := range a.Shadows {
		lines = append(lines, fmt.Sprintf("  in shadow %s would have changed %s %d times in 30 days; within two hours people did the same %d times", s.Runbook, s.Service, s.Would, s.Same))
	}
	if len(lines) == 2 {
		lines = append(lines, "  are held back by no rule now")
	}
	return lines
}

func freezeLine(f server.FreezeView) string {
	what := "everything"
	if len(f.Services) > 0 {
		what = strings.Join(f.Services, ", ")
	}
	if f.Automation {
		what += ", for runs of automation"
	}
	if f.Rollbacks {
		what += ", rollbacks excepted"
	}
	text := "  " + what + ": from "
	if f.Stands {
		text = what + " is frozen"
		if !f.Until.IsZero() {
			text += " until "
		}
	}
	if !f.Until.IsZero() {
		text += f.Until.Format("Mon 2006-01-02 15:04 -07:00")
	}
	text += ", by " + f.Rule
	if f.Reason != "" {
		text += " (" + f.Reason + ")"
	}
	return text
}
