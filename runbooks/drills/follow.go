package drills

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/firebreak-ops/firebreak/runbooks/drills/sandbox"
)

// follow starts the runbook, answers its questions unless a person does, and
// writes down what counts, until the run ends or the scenario gives up on it.
func follow(ctx context.Context, opts Options, firebreak Firebreak, seen *Observation) error {
	ctx, cancel := context.WithTimeout(ctx, opts.Scenario.GivesUp)
	defer cancel()
	run, err := firebreak.Start(ctx, opts.Scenario.Runbook, Alert{Name: opts.Scenario.Alert, Service: sandbox.Service, At: seen.Alerted})
	if err != nil {
		return fmt.Errorf("drill: start runbook %s: %w", opts.Scenario.Runbook, err)
	}
	moments, err := firebreak.Watch(ctx, run)
	if err != nil {
		return fmt.Errorf("drill: watch run %s: %w", run, err)
	}
	var approvals sync.WaitGroup
	defer approvals.Wait()
	defer cancel() // a question that nobody waits for any more needs no answer
	open := map[string]time.Time{}
	answered := func(question string, at time.Time) {
		if from, ok := open[question]; ok {
			seen.People = append(seen.People, Interval{From: from, To: at})
			delete(open, question)
		}
	}
	for m := range moments {
		switch m.Kind {
		case MomentCause:
			seen.CauseFound, seen.Cause = m.At, m.Cause
			opts.say("cause: %s", m.Cause)
		case MomentAsked:
			open[m.Question] = m.At
			if opts.Interactive {
				continue
			}
			opts.say("the scripted approver reads for %s", opts.Scenario.Thinks)
			approvals.Go(func() { approve(ctx, opts, firebreak, run, m) })
		case MomentAnswered:
			answered(m.Question, m.At)
		case MomentEnded:
			seen.Ended = m.Word
			for question := range open {
				answered(question, m.At)
			}
		}
	}
	if seen.Ended == "" && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		seen.Ended = "unfinished"
	}
	if seen.Ended == "" {
		return fmt.Errorf("drill: run %s: the watch broke off before its end", run)
	}
	return nil
}

// approve answers as the scripted approver, who takes time to think.
func approve(ctx context.Context, opts Options, firebreak Firebreak, run string, m Moment) {
	think := time.NewTimer(opts.Scenario.Thinks)
	defer think.Stop()
	select {
	case <-ctx.Done():
		return
	case <-think.C:
	}
	if err := firebreak.Approve(ctx, run, m.Question, m.Digest); err != nil && ctx.Err() == nil {
		// The run goes on without it: the score shows what came of that.
		opts.say("the approval did not count: %v", err)
	}
}
