package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// measureResume measures how long it takes from the kill of an owner until
// each of the runs that were under way has begun a step under the next one,
// which is started at once, while many others wait.
func measureResume(ctx context.Context, p *product, s sizes, r *report) error {
	state := p.state("resume")
	waits, err := p.gate(ctx, state, s.resting)
	if err != nil {
		return err
	}
	o, err := p.reopen(ctx, state, waits)
	if err != nil {
		return err
	}
	running := make([]string, s.running)
	for i := range running {
		if running[i], err = o.begin(ctx, reads(100, 20)); err != nil {
			return errors.Join(err, o.kill())
		}
	}
	if err := p.firsts(ctx, o, time.Now(), running, nil); err != nil {
		return errors.Join(err, o.kill())
	}
	var took, worst []float64
	for range s.kills {
		killed := time.Now()
		if err := o.kill(); err != nil {
			return err
		}
		if o, err = p.reopen(ctx, state, waits); err != nil {
			return err
		}
		var round []float64
		if err := p.firsts(ctx, o, killed, running, &round); err != nil {
			return errors.Join(err, o.kill())
		}
		took, worst = append(took, round...), append(worst, quantile(round, 0.99))
	}
	r.add(fmt.Sprintf("kill -9 to first step, p50, %d waiting", s.resting), "ms", took, goal{})
	r.add(fmt.Sprintf("kill -9 to first step, p99, %d waiting", s.resting), "ms", worst, goal{most: 500})
	return o.kill()
}

// firsts waits until each of some runs has begun a step after a time, and adds
// how long that took.
func (p *product) firsts(ctx context.Context, o *owner, after time.Time, runs []string, to *[]float64) error {
	var failed error
	err := o.until(ctx, 20*time.Millisecond, func(context.Context) bool {
		var calls []call
		if calls, failed = p.called(after); failed != nil {
			return true
		}
		first := map[string]time.Duration{}
		for _, c := range calls {
			if _, known := first[c.run]; !known {
				first[c.run] = c.at.Sub(after)
			}
		}
		var took []float64
		for _, run := range runs {
			if d, ok := first[run]; ok {
				took = append(took, ms(d))
			}
		}
		if len(took) < len(runs) {
			return false
		}
		if to != nil {
			*to = took
		}
		return true
	})
	return errors.Join(err, failed)
}
