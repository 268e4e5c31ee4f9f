package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/chatops/console"
	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/forecast"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

func newPlan(a *app) *cobra.Command {
	var inputs []string
	c := withExits(&cobra.Command{
		Use:   "plan RUNBOOK",
		Short: "Show what a run would do now, and change nothing",
		Long: `plan reads what the runbook reads before its first change, and then shows the
whole runbook: which steps would be done and which skipped, and why; of every
change what its plugin says that it would do, with the difference, how much it
touches, and its undo; who would be asked, in which order and for how long; what
would be verified; what would be done in trouble; and how long it may take at
most, machines and people apart. Where it asks people it supposes a yes, and
behind a change that the change has worked: what only the change would tell is
shown with the names that it depends on.

It never calls an action that changes something, tells nobody, locks nothing and
writes no state. It ends with failed_clean where the run would fail, as things
are: at a read, or at a change that its plugin refuses to plan.`,
		Example: `  firebreak plan connection-exhaustion --input service=api
  firebreak plan ./my.yaml -i service=api --json`,
		Args: args(1, 1, "a runbook"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.plan(c.Context(), got[0], inputs)
		},
	}, exitProblems, exitRefused, exitFailedClean, exitNotFound)
	c.Flags().StringArrayVarP(&inputs, "input", "i", nil, "NAME=VALUE, or NAME:=JSON; may be repeated")
	return c
}

func (a *app) plan(ctx context.Context, name string, flags []string) error {
	w, err := a.loadWorkspace(ctx)
	if err != nil {
		return err
	}
	found, inputs, err := a.takeWith(name, w.catalog, flags)
	if err != nil {
		return err
	}
	f, err := a.foresee(ctx, w, found.book, request{runbook: found.book, inputs: inputs})
	if err != nil {
		return err
	}
	return a.planned(f)
}

// foresee looks at what a run would see, and makes its forecast.
func (a *app) foresee(ctx context.Context, w *workspace, book *runbook.Runbook, q request) (*forecast.Forecast, error) {
	me, err := a.me()
	if err != nil {
		return nil, err
	}
	q.requester = engine.Requester{Kind: "person", Name: me}
	h, err := w.newHost(slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer func() { _ = h.Stop(context.WithoutCancel(ctx)) }()
	facts, err := w.facts(ctx, h, q)
	if err != nil {
		return nil, err
	}
	facts.ID, facts.Generation = planID, 1
	d := newDryRun(book, &executor{host: h, config: w.config})
	if err := d.look(ctx, facts); err != nil {
		return nil, err
	}
	return d.foresee(ctx)
}

// planned prints a forecast; its exit code is that of the run, as far as that
// is known.
func (a *app) planned(f *forecast.Forecast) error {
	code, text := exitOK, "nothing was changed"
	switch {
	case f.Word != "":
		code, text = wordCode(f.Word), "a run would end "+string(f.Word)+" without changing anything; nothing was changed"
	case f.Fails():
		code, text = exitFailedClean, "a run would fail, as things are; nothing was changed"
	}
	if a.flags.json {
		err := a.printJSON(struct {
			Type string `json:"type"`
			*forecast.Forecast
			Code exitCode  `json:"code"`
			At   time.Time `json:"at"`
		}{"planned", f, code, time.Now().UTC()})
		if err != nil {
			return err
		}
	} else {
		console.Forecast(a.out, f, console.Options{Color: a.color, Live: a.tty, Width: a.width})
		a.printf("\n%s\n", text)
	}
	if code != exitOK {
		return ended{code}
	}
	return nil
}
