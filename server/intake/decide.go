package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firebreak-ops/firebreak/server/alerts"
)

// causesAtOnce is for how many causes runs are begun side by side: the plugins
// of one that do not answer hold up no other.
const causesAtOnce = 16

// lingering is for how long an alert that goes on after its run has ended puts
// the cooldown off: alerts look back over a time of their own, and a source may
// never say that one is resolved.
const lingering = time.Hour

// Run decides what is stored until ctx ends; what was stored before and not
// decided is first. It returns nil when ctx ends, and the error of a state
// that can no longer be used.
func (in *Intake) Run(ctx context.Context) error {
	for {
		batch, next, err := in.cfg.Shelf.Waiting(ctx, in.now())
		if err == nil {
			err = in.decide(ctx, batch)
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("decide about alerts: %w", err)
		}
		if err == nil && len(batch) > 0 {
			continue
		}
		if !in.rest(ctx, next) {
			return nil
		}
	}
}

// rest waits until there may be more to decide: something came, or the time to
// try again has come, if it is not zero. It reports whether ctx goes on.
func (in *Intake) rest(ctx context.Context, next time.Time) bool {
	var again <-chan time.Time
	if !next.IsZero() {
		timer := time.NewTimer(next.Sub(in.now()))
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-in.more:
	case <-again:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// matched is an alert that waits, and what answers it.
type matched struct {
	*Entry

	by    alerts.Match
	fresh bool // nobody has decided it
}

// decide decides a batch: alerts of one cause one after the other, causes side
// by side.
func (in *Intake) decide(ctx context.Context, batch []Entry) error {
	causes := map[string][]*matched{}
	for i := range batch {
		e := &matched{Entry: &batch[i], fresh: batch[i].Outcome == "" || batch[i].Outcome == Retrying}
		if e.fresh {
			if err := in.match(ctx, e); err != nil {
				return err
			}
		}
		causes[e.Cause] = append(causes[e.Cause], e)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(causesAtOnce)
	for cause, all := range causes {
		group.Go(func() error { return in.decideCause(ctx, cause, all) })
	}
	return group.Wait()
}

// match finds what answers an alert, and the run that an owner before this one
// has begun for it and then come no further. Where nothing answers it, that is
// the outcome. Its error is one of the state.
func (in *Intake) match(ctx context.Context, e *matched) error {
	e.DecidedAt, e.Outcome, e.Text = in.now(), "", ""
	a, err := e.Alert()
	if err == nil {
		e.by, err = in.cfg.Matcher().Match(&a)
	}
	if err == nil {
		e.Cause = e.by.Cause()
	}
	run, failure := in.cfg.Runs.Begun(ctx, e.Entry)
	switch {
	case failure != nil:
		return failure
	case run != "":
		e.Outcome, e.Run = Started, run
	case err == nil:
	default:
		e.Outcome, e.Text, e.Told = unanswered(err), err.Error(), !e.Firing
	}
	return nil
}

// unanswered is the outcome of an alert that nothing answers.
func unanswered(err error) string {
	if _, ok := errors.AsType[*alerts.UnmatchedError](err); ok {
		return Unmatched
	}
	if _, ok := errors.AsType[*alerts.AmbiguousError](err); ok {
		return Ambiguous
	}
	return Failed
}

func (in *Intake) decideCause(ctx context.Context, cause string, all []*matched) error {
	before, err := in.last(ctx, cause)
	if err != nil {
		return err
	}
	last := latest{Last: before}
	for _, e := range all {
		if e.fresh && e.Outcome == Started {
			last = latest{Last: Last{Run: e.Run, Open: 1}}
		}
	}
	settled := make([]Entry, 0, len(all))
	over := map[string]bool{} // runs of which an alert is
	for _, e := range all {
		if e.Outcome == "" {
			if err := in.one(ctx, e, &last); err != nil {
				return errors.Join(err, in.settle(ctx, settled))
			}
		}
		if e.fresh {
			in.cfg.Told(ctx, e.Entry)
		}
		if e.Run != "" && !e.Firing {
			over[e.Run] = true
		}
		settled = append(settled, *e.Entry)
	}
	if err := in.settle(ctx, settled); err != nil || len(over) == 0 {
		return err
	}
	if err := in.tell(ctx, cause, over); err != nil {
		return err
	}
	for i := range settled {
		settled[i].Told = !settled[i].Firing
	}
	return in.settle(ctx, settled)
}

func (in *Intake) settle(ctx context.Context, all []Entry) error {
	if len(all) == 0 {
		return nil
	}
	return in.cfg.Shelf.Settle(ctx, all)
}

func (in *Intake) last(ctx context.Context, cause string) (Last, error) {
	if cause == "" {
		return Last{}, nil
	}
	return in.cfg.Shelf.Last(ctx, cause)
}

// tell tells the run of a cause that its alerts are over, once all are.
func (in *Intake) tell(ctx context.Context, cause string, runs map[string]bool) error {
	last, err := in.last(ctx, cause)
	if err != nil || last.Open > 0 || !runs[last.Run] {
		return err
	}
	if err := in.cfg.Runs.Resolved(ctx, last.Run); err != nil {
		if fatal(err) {
			return err
		}
		in.cfg.Warn(fmt.Errorf("run %s could not be told that its alert is resolved: %w", last.Run, err))
	}
	return nil
}

// one decides about an alert that a runbook answers. last is the run of its
// cause, and becomes the one that begins. Its error is one of the state.
func (in *Intake) one(ctx context.Context, e *matched, last *latest) error {
	if !e.Firing {
		e.Outcome, e.Told, e.Text = Over, true, "it was resolved before a run began"
		return nil
	}
	if held, err := in.held(ctx, e, last); err != nil || held {
		return err
	}
	run, err := in.cfg.Runs.Start(ctx, e.Entry, e.by)
	switch {
	case err == nil:
		e.Outcome, e.Run, *last = Started, run, latest{Last: Last{Run: run, Open: 1}, asked: true}
	case ctx.Err() != nil || fatal(err):
		return err
	default:
		e.failed(err)
	}
	return nil
}

// tries is how often a run is tried to begin, within a minute in all.
const tries = 6

// failed notes that the run of an alert could not begin. What may pass by itself
// is tried again, after a second, then after twice as long each time.
func (e *matched) failed(err error) {
	e.Tries++
	e.Outcome, e.Text = Failed, fmt.Sprintf("%s could not begin: %s", e.by.Book.Name, err)
	var lasting interface{ Lasting() bool }
	if e.Tries >= tries || errors.As(err, &lasting) && lasting.Lasting() {
		return
	}
	e.Outcome, e.NextAt = Retrying, e.DecidedAt.Add(time.Second<<(e.Tries-1))
}

// latest is the last run of a cause, and whether it goes on: one answer is good
// for a whole batch.
type latest struct {
	Last

	asked bool
	ended time.Time // zero: it goes on
}

// held reports whether an alert begins nothing because of the last run of its
// cause, and notes why.
func (in *Intake) held(ctx context.Context, e *matched, last *latest) (bool, error) {
	if last.Run == "" {
		return false, nil
	}
	if !last.asked {
		var err error
		if last.ended, err = in.cfg.Runs.Ended(ctx, last.Run); err != nil {
			return false, err
		}
		last.asked = true
	}
	if last.ended.IsZero() {
		e.Outcome, e.Run = Joined, last.Run
		e.Text = "run " + last.Run + " of the same cause goes on"
		return true, nil
	}
	until := cooled(last.ended, last.Last, e.by.Trigger.Cooldown)
	if !e.DecidedAt.Before(until) {
		return false, nil
	}
	e.Outcome = Cooldown
	e.Text = fmt.Sprintf("run %s of the same cause ended at %s; the next one may begin at %s", last.Run, last.ended.Format(time.RFC3339), until.Format(time.RFC3339))
	return true, nil
}

// cooled is when the cooldown after a run is over. It counts from the run's
// end, or from when the last of its alerts was resolved; while one of them goes
// on it has not begun, for [lingering] at most.
func cooled(ended time.Time, last Last, cooldown time.Duration) time.Time {
	from := ended
	switch {
	case cooldown == 0:
		return ended
	case last.Open > 0:
		from = ended.Add(lingering)
	case last.ResolvedAt.After(ended):
		from = last.ResolvedAt
		if late := ended.Add(lingering); late.Before(from) {
			from = late
		}
	}
	return from.Add(cooldown)
}

// fatal reports whether an error is one of the state.
func fatal(err error) bool {
	var classed interface{ Class() string }
	if !errors.As(err, &classed) {
		return false
	}
	switch classed.Class() {
	case "closed", "journal", "owned", "state":
		return true
	}
	return false
}
