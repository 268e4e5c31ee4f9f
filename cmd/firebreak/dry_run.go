package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/forecast"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// planID is the id of a run that is only planned.
const planID = "plan"

// dryRun drives a run in memory as far as reading alone brings it. It knows no
// way to begin a mutation: of the commands of a run it carries out reads and
// plans, and nothing else.
type dryRun struct {
	run      engine.Run
	executor *executor
	open     map[string]bool   // commands that were taken up
	busy     int               // of them, those whose answer is still to come
	answers  chan engine.Input // theirs; nil: nothing came
}

func newDryRun(book *runbook.Runbook, x *executor) *dryRun {
	return &dryRun{run: engine.New(book), executor: x, open: map[string]bool{}, answers: make(chan engine.Input)}
}

// look starts the run and goes on until nothing is left that reading could
// tell: it waits for people before a change, for a time, or has ended.
func (d *dryRun) look(ctx context.Context, facts engine.Facts) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := d.take(engine.Start{Facts: facts}); err != nil {
		return err
	}
	for {
		in := d.next(ctx)
		if in == nil && d.busy == 0 {
			return ctx.Err()
		}
		if in == nil {
			select {
			case in = <-d.answers:
				d.busy--
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if in != nil {
			_ = d.take(in) // what the run no longer waits for is no news
		}
	}
}

func (d *dryRun) take(in engine.Input) error {
	recs, err := engine.Decide(d.run, in, time.Now())
	for _, rec := range recs {
		d.run = engine.Apply(d.run, rec)
	}
	return err
}

// next takes up what is open. It returns an input where one can be supposed at
// once.
func (d *dryRun) next(ctx context.Context) engine.Input {
	for _, cmd := range engine.Pending(d.run) {
		if d.open[cmd.CommandID()] {
			continue
		}
		if in := d.suppose(cmd); in != nil {
			return in
		}
		if !d.tells(cmd) {
			continue
		}
		d.open[cmd.CommandID()] = true
		d.busy++
		go d.do(ctx, cmd)
	}
	return nil
}

// suppose answers what costs nothing to suppose: that the locks are free, that
// a plain wait is over, and that people let a gate pass before which nothing is
// planned because it covers no change.
func (d *dryRun) suppose(cmd engine.Command) engine.Input {
	switch c := cmd.(type) {
	case engine.Lock:
		return engine.LocksGranted{ID: c.ID}
	case engine.Notify:
		return engine.Notified{ID: c.ID, Error: "a plan tells nobody"}
	case engine.Timer:
		if wait, _ := c.Pause(); wait {
			return engine.TimerFired{ID: c.ID}
		}
	case engine.Ask:
		if c.Question.Kind == engine.AskGate && len(c.Question.Members) == 0 {
			return d.yes(c.Question)
		}
	default:
	}
	return nil
}

// yes is the yes of the next person who may give it; nil: there is none left.
func (d *dryRun) yes(q engine.Question) engine.Input {
	for _, role := range q.Roles {
		for _, name := range d.run.Facts.Roles[role].People {
			id := q.ID + " " + name
			if d.open[id] || !q.Self && name == d.run.Facts.Requester.Name {
				continue
			}
			d.open[id] = true
			return engine.Vote{By: name, Question: q.ID, Digest: q.Digest, Approve: true}
		}
	}
	return nil
}

// tells reports whether a command only reads, or waits for the time of a read.
// Of what is read until it is so, the first answer is enough.
func (d *dryRun) tells(cmd engine.Command) bool {
	switch c := cmd.(type) {
	case engine.Read:
		return c.NotBefore.IsZero() || len(d.run.Step(c.Path).Samples) == 0
	case engine.Timer:
		_, retry := c.Pause()
		return retry
	default:
		return false
	}
}

func (d *dryRun) do(ctx context.Context, cmd engine.Command) {
	var in engine.Input
	switch c := cmd.(type) {
	case engine.Read:
		in = d.read(ctx, c)
	case engine.Timer:
		if sleepUntil(ctx, c.At) {
			in = engine.TimerFired{ID: c.ID}
		}
	default:
	}
	select {
	case d.answers <- in:
	case <-ctx.Done():
	}
}

func (d *dryRun) read(ctx context.Context, c engine.Read) engine.Input {
	return d.executor.Do(ctx, local.RunInfo{ID: planID, Report: func(local.Progress) {}}, c)
}

// atOnce is how many plans are asked for at once.
const atOnce = 8

// foresee makes the forecast of the run, and asks the plugins what it needs for
// that: plans, and what guards read.
func (d *dryRun) foresee(ctx context.Context) (*forecast.Forecast, error) {
	answers := map[string]engine.Input{}
	for {
		f, commands := forecast.Make(&d.run, answers)
		if len(commands) == 0 {
			return f, nil
		}
		got := make([]engine.Input, len(commands))
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(atOnce)
		for i, cmd := range commands {
			group.Go(func() error {
				got[i] = d.answer(ctx, cmd)
				return ctx.Err()
			})
		}
		if err := group.Wait(); err != nil {
			return nil, fmt.Errorf("ask the plugins for their plans: %w", err)
		}
		for i, cmd := range commands {
			answers[cmd.CommandID()] = got[i]
		}
	}
}

func (d *dryRun) answer(ctx context.Context, cmd engine.Command) engine.Input {
	switch c := cmd.(type) {
	case engine.PlanCall:
		return d.executor.plan(ctx, c)
	case engine.Read:
		c.Deadline = time.Now().Add(engine.CallLimit)
		return d.read(ctx, c)
	default:
		return nil
	}
}
