package drills

import (
	"context"
	"errors"
	"fmt"
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
	opts.sayf("nobody does anything for %s", length)
	end := injected.Add(length)
	timer := time.NewTimer(time.Until(end))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return r, fmt.Errorf("drill: interrupted: %w", ctx.Err())
	}
	opts.sayf("waiting for the last requests to give up")
	limited, cancel := context.WithTimeout(ctx, decideTime)
	defer cancel()
	if _, err := box.Decided(limited, injected, end); err != nil {
		return r, fmt.Errorf("drill: requests of the control are still undecided: %w", err)
	}
	return control(s, injected, alerted, length, box.Record()), nil
}

// control is the verdict, a pure function of what was seen.
func control(s *Scenario, injected, alerted time.Time, length time.Duration, load practice.Record) ControlResult {
	healthy, healed := load.Between(time.Time{}, injected.Add(length)).Healthy(alerted, s.health(s.Healthy.For))
	late := load.Between(injected.Add(length/2), injected.Add(length)).Sum()
	r := ControlResult{
		Type: "control_finished", InjectionToAlert: between(injected, alerted),
		BrokenFor: length.Seconds(), P99: late.Latencies.P99().Seconds(),
	}
	total := late.OK + late.Failed
	if total > 0 {
		r.ErrorRate = *rounded(float64(late.Failed) / float64(total))
	}
	if healed {
		r.BrokenFor = *between(injected, healthy)
	}
	r.Passed = !healed && total > 0 && (r.ErrorRate >= s.Healthy.ErrorRate || late.Latencies.P99() >= s.Healthy.P99)
	return r
}
