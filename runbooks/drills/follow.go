package drills

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// follow answers the questions of a run unless a person does, and writes down
// what counts, until the run ends or the scenario gives up on it.
func follow(ctx context.Context, opts Options, firebreak Firebreak, run string, seen *Observation) error {
	ctx, cancel := context.WithTimeout(ctx, opts.Scenario.GivesUp)
	defer cancel()
	moments, err := firebreak.Watch(ctx, run)
	if err != nil {
		return fmt.Errorf("drill: watch run %s: %w", run, err)
	}
	var approvals sync.WaitGroup
	defer approvals.Wait()
	defer cancel() // a question that nobody waits for any more needs no answer
	refusals := make(chan error)
	open := questions{}
	for seen.Ended == "" {
		select {
		case err := <-refusals: // the run goes on: the score shows what came of it
			opts.sayf("the approval did not count: %v", err)
			continue
		case m, more := <-moments:
			if !more {
				return brokeOff(ctx, run, seen)
			}
			switch m.Kind {
			case MomentCause:
				seen.CauseFound, seen.Cause = m.At, m.Cause
				opts.sayf("cause: %s", m.Cause)
			case MomentAsked:
				open[m.Question] = m.At
				if !opts.Interactive {
					opts.sayf("the scripted approver reads for %s", opts.Scenario.Thinks)
					approvals.Go(func() { approve(ctx, opts.Scenario.Thinks, firebreak, run, m, refusals) })
				}
			case MomentAnswered:
				seen.People = append(seen.People, open.close(m.Question, m.At)...)
			case MomentEnded:
				seen.Ended = m.Word
				for question := range open {
					seen.People = append(seen.People, open.close(question, m.At)...)
				}
			}
		}
	}
	return nil
}

func brokeOff(ctx context.Context, run string, seen *Observation) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		seen.Ended = "unfinished"
		return nil
	}
	return fmt.Errorf("drill: run %s: the watch broke off before its end", run)
}

// questions are those that are open, and since when.
type questions map[string]time.Time

// close is the time that a question was open, if it was.
func (q questions) close(id string, at time.Time) []Interval {
	from, ok := q[id]
	if !ok {
		return nil
	}
	delete(q, id)
	return []Interval{{From: from, To: at}}
}

// approve answers as the scripted approver, who takes time to think.
func approve(ctx context.Context, thinks time.Duration, firebreak Firebreak, run string, m Moment, refusals chan<- error) {
	think := time.NewTimer(thinks)
	defer think.Stop()
	select {
	case <-ctx.Done():
		return
	case <-think.C:
	}
	if err := firebreak.Approve(ctx, run, m.Question, m.Digest); err != nil {
		select {
		case refusals <- err:
		case <-ctx.Done():
		}
	}
}
