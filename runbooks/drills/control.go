package drills

import (
	"context"
	"errors"
	"time"

	"github.com/firebreak-ops/firebreak/runbooks/drills/practice"
)

// ControlResult is the last line of a drill with --control: what becomes of the
// outage when nobody does anything.
type ControlResult struct {
	Type             string   `json:"type"`   // control_finished
	Passed           bool     `json:"passed"` // it stayed broken
	InjectionToAlert *float64 `json:"injection_to_alert"`
	BrokenFor        float64  `json:"broken_for"` // seconds from the injection that were looked at, or until healthy
	ErrorRate        float64  `json:"error_rate"` // of the second half
	P99              float64  `json:"p99"`        // seconds, of the second half
}

// Control plays the drill without firebreak for the given time (0: the
// scenario's) and says whether the service stayed broken.
func Control(ctx context.Context, opts Options, length time.Duration) (r ControlResult, err error) {
	s := opts.Scenario
	if length == 0 {
		length = s.Control
	}
	box, err := start(ctx, opts)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, box.Stop()) }()
	injected, err := breakIt(ctx, opts, box)
	if err != nil {
		return r, err
	}
	alerted, err := alert(ctx, opts, box, injected)
	if err != nil {
		return r, err
	}
	opts.say("nobody does anything for %s", length)
	// A healthy stretch must have been seen to its end.
	limited, cancel := context.WithDeadline(ctx, injected.Add(length))
	defer cancel()
	healthy, err := box.Healthy(limited, alerted, s.health(s.Healthy.For))
	if err != nil && !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		return r, errors.Join(err, ctx.Err())
	}
	return control(s, injected, alerted, healthy, length, box.Record()), nil
}

// control is the verdict, a pure function of what was seen.
func control(s *Scenario, injected, alerted, healthy time.Time, length time.Duration, load practice.Record) ControlResult {
	late := load.Between(injected.Add(length/2), injected.Add(length)).Sum()
	r := ControlResult{
		Type: "control_finished", InjectionToAlert: between(injected, alerted),
		BrokenFor: length.Seconds(), P99: late.Latencies.P99().Seconds(),
	}
	total := late.OK + late.Failed
	if total > 0 {
		r.ErrorRate = *rounded(float64(late.Failed) / float64(total))
	}
	if !healthy.IsZero() {
		r.BrokenFor = *between(injected, healthy)
	}
	r.Passed = healthy.IsZero() && total > 0 && (r.ErrorRate >= s.Healthy.ErrorRate || late.Latencies.P99() >= s.Healthy.P99)
	return r
}
