package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firebreak-ops/firebreak/server"
)

// engine is one of the two that are compared.
type engine struct {
	run      func(ctx context.Context) error // of ten steps, from its start to its end
	approval func(ctx context.Context, after time.Duration) (time.Duration, error)
}

// series are the numbers of each round, by what was measured.
type series map[string][]float64

// measureSteps measures durable steps and approvals of both, in turn, so that
// the noise of the machine meets both.
func measureSteps(ctx context.Context, p *product, s sizes, r *report) (err error) {
	own, err := p.open(ctx, p.state("steps"), p.config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, own.kill()) }()
	other, err := newPeer(ctx, p.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, other.close()) }()
	var mutations []float64
	engines := []engine{
		{
			run: func(ctx context.Context) error { return own.run(ctx, reads(10, 0)) },
			approval: func(ctx context.Context, after time.Duration) (time.Duration, error) {
				next, mutation, err := p.approval(ctx, own, after)
				mutations = append(mutations, ms(mutation))
				return next, err
			},
		},
		{run: other.run, approval: other.approval},
	}
	results := []series{{}, {}}
	for _, e := range engines { // warm: processes, caches, logs that have their size
		if _, err := e.throughput(ctx, 32, 64); err != nil {
			return err
		}
	}
	for round := range s.rounds {
		for i := range engines {
			i = (i + round) % len(engines)
			if err := engines[i].round(ctx, s, results[i]); err != nil {
				return err
			}
		}
	}
	if err := own.well(ctx); err != nil {
		return err
	}
	ours, peers := results[0], results[1]
	for _, at := range slices.Sorted(maps.Keys(s.at)) {
		name := fmt.Sprintf("durable steps, runs at once: %d", at)
		r.compare(name, "/s", ours[name], peers[name], map[int]goal{32: {least: 2}, 256: {least: 3}}[at])
	}
	r.compare(alone, "ms", ours[alone], peers[alone], goal{most: 2})
	r.compare(approval, "ms", ours[approval], peers[approval], goal{most: 0.02})
	r.add("approval to the change itself", "ms", mutations, goal{})
	return nil
}

const (
	alone    = "ten steps of one run alone"
	approval = "approval to next step"
)

// round measures everything once.
func (e engine) round(ctx context.Context, s sizes, to series) error {
	var took []float64
	for range s.alone {
		began := time.Now()
		if err := e.run(ctx); err != nil {
			return err
		}
		took = append(took, ms(time.Since(began)))
	}
	to[alone] = append(to[alone], median(took))
	for _, at := range slices.Sorted(maps.Keys(s.at)) {
		rate, err := e.throughput(ctx, at, s.at[at])
		if err != nil {
			return err
		}
		name := fmt.Sprintf("durable steps, runs at once: %d", at)
		to[name] = append(to[name], rate)
	}
	took = nil
	for i := range s.approvals { // spread over a second, which is how often the peer looks
		one, err := e.approval(ctx, 300*time.Millisecond+time.Duration(i)*time.Second/time.Duration(s.approvals))
		if err != nil {
			return err
		}
		took = append(took, ms(one))
	}
	to[approval] = append(to[approval], median(took))
	return nil
}

// throughput returns steps per second while so many runs are under way.
func (e engine) throughput(ctx context.Context, at, runs int) (float64, error) {
	var left atomic.Int64
	left.Store(int64(runs))
	g, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	for range at {
		g.Go(func() error {
			for left.Add(-1) >= 0 {
				if err := e.run(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := g.Wait()
	return float64(10*runs) / time.Since(began).Seconds(), err
}

// approval returns how long after a vote was sent the next step began, which
// is the plan of the change at its turn, and how long after it the change.
// Both are as the plugin saw them.
func (p *product) approval(ctx context.Context, o *owner, after time.Duration) (next, change time.Duration, err error) {
	id, err := o.begin(ctx, gated)
	if err != nil {
		return 0, 0, err
	}
	v, err := o.asked(ctx, id)
	if err != nil {
		return 0, 0, err
	}
	time.Sleep(after)
	q := v.Questions[0]
	at := time.Now()
	if err := o.Say(ctx, id, server.VoteRequest{Question: q.ID, Digest: q.Digest, Approve: true}); err != nil {
		return 0, 0, err
	}
	if err := o.ended(ctx, id); err != nil {
		return 0, 0, err
	}
	calls, err := p.called(at)
	if err != nil {
		return 0, 0, err
	}
	for _, c := range calls {
		if c.run != id {
			continue
		}
		if c.what == "plan" && next == 0 {
			next = c.at.Sub(at)
		}
		if c.what == "run" {
			change = c.at.Sub(at)
		}
	}
	if next == 0 || change == 0 {
		return 0, 0, fmt.Errorf("run %s did nothing after it was approved: %w", id, o.why(ctx, id))
	}
	return next, change, nil
}
