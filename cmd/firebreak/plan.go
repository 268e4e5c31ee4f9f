package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/chatops/console"
	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/server"
)

func newPlan(a *app) *cobra.Command {
	var inputs []string
	c := withExits(&cobra.Command{
		Use:   "plan RUNBOOK",
		Short: "Show what a run would do now, and change nothing",
		Long: `plan reads what the runbook reads, evaluates its conditions, and shows the first
question that a run would put to people: every change behind that gate as its
plugin plans it, with the difference, the blast radius and the undo. It never
calls an action that changes something, tells nobody, locks nothing and writes
no state. What comes after an answer is not planned.`,
		Example: `  firebreak plan connection-exhaustion --input service=api`,
		Args:    args(1, 1, "a runbook"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.plan(c.Context(), got[0], inputs)
		},
	}, exitProblems, exitNotFound, exitFailedClean)
	c.Flags().StringArrayVarP(&inputs, "input", "i", nil, "NAME=VALUE, or NAME:=JSON; may be repeated")
	return c
}

func (a *app) plan(ctx context.Context, name string, flags []string) error {
	w, err := a.loadWorkspace(ctx)
	if err != nil {
		return err
	}
	file, src, err := a.findRunbook(name)
	if err != nil {
		return err
	}
	book, err := a.parse(file, src, w.catalog)
	if err != nil {
		return err
	}
	inputs, err := parseInputs(book, flags)
	if err != nil {
		return err
	}
	h, err := w.newHost(slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { _ = h.Stop(context.WithoutCancel(ctx)) }()
	facts, err := w.facts(ctx, h, request{runbook: book, inputs: inputs, requester: engine.Requester{Kind: "person", Name: "plan"}})
	if err != nil {
		return err
	}
	facts.ID, facts.Generation = "plan", 1
	d := &dryRun{
		run: engine.New(book), open: map[string]bool{}, answers: make(chan engine.Input),
		executor: &executor{host: h, config: w.config},
	}
	d.show = a.shower(d.run)
	return d.drive(ctx, facts, a)
}

// shower returns what shows records: JSON lines, or the view for people.
func (a *app) shower(run engine.Run) func(engine.Record) {
	if a.flags.json {
		return func(rec engine.Record) { _ = a.printJSON(recordLine(rec)) }
	}
	view := console.NewView(a.out, console.Options{Color: a.color, Width: a.width, Plan: true})
	view.Outline(outline(server.NewView(run, time.Now()).Steps))
	return view.Show
}

// recordLine is a record as a line of JSON.
func recordLine(rec engine.Record) map[string]any {
	kind, data, err := engine.MarshalEvent(rec.Event)
	if err != nil {
		data = []byte("null")
	}
	return map[string]any{"type": "event", "seq": rec.Seq, "at": rec.At, "kind": kind, "data": json.RawMessage(data)}
}

// dryRun drives a run in memory up to its first question. It has no way to
// begin a mutation.
type dryRun struct {
	run      engine.Run
	open     map[string]bool
	answers  chan engine.Input
	executor *executor
	show     func(engine.Record)
}

func (d *dryRun) drive(ctx context.Context, facts engine.Facts, a *app) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var in engine.Input = engine.Start{Facts: facts}
	for {
		recs, err := engine.Decide(d.run, in, time.Now())
		if err != nil && len(recs) == 0 && d.run.Phase == "" {
			return err
		}
		for _, rec := range recs {
			d.run = engine.Apply(d.run, rec)
			d.show(rec)
		}
		if d.run.Ended() || len(d.run.OpenQuestions()) > 0 {
			return d.verdict(a)
		}
		start, _ := engine.Reconcile(d.open, engine.Pending(d.run))
		for _, cmd := range start {
			d.open[cmd.CommandID()] = true
			go d.do(ctx, cmd)
		}
		select {
		case in = <-d.answers:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// do carries out what only reads, and pretends the rest that a plan needs.
func (d *dryRun) do(ctx context.Context, cmd engine.Command) {
	var in engine.Input
	switch c := cmd.(type) {
	case engine.PlanCall, engine.Read:
		in = d.executor.Do(ctx, local.RunInfo{ID: "plan", Report: func(local.Progress) {}}, cmd)
	case engine.Lock:
		in = engine.LocksGranted{ID: c.ID}
	case engine.Notify:
		in = engine.Notified{ID: c.ID, Error: "a plan tells nobody"}
	case engine.Timer:
		if !sleepUntil(ctx, c.At) {
			return
		}
		in = engine.TimerFired{ID: c.ID}
	default:
		return
	}
	if in == nil {
		return
	}
	select {
	case d.answers <- in:
	case <-ctx.Done():
	}
}

func (d *dryRun) verdict(a *app) error {
	text, code := "a run would ask this now; nothing was changed", exitOK
	if d.run.Ended() {
		text = fmt.Sprintf("a run would end %s without changing anything", d.run.Word)
		code = wordCode(d.run.Word)
	}
	if a.flags.json {
		err := a.printJSON(map[string]any{"type": "planned", "word": d.run.Word, "questions": d.run.OpenQuestions()})
		if err != nil {
			return err
		}
	} else {
		a.printf("\n%s\n", text)
	}
	if code != exitOK {
		return ended{code}
	}
	return nil
}
