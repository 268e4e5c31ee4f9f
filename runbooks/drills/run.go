package drills

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/runbooks/drills/sandbox"
)

// How long the parts of a drill around the run may take.
const (
	settleTime  = 90 * time.Second // until the untouched service is healthy
	alertTime   = 20 * time.Second
	recoverTime = 90 * time.Second // after the run's end, until healthy
	decideTime  = 30 * time.Second // until the last request of the outage is decided
)

// Options describe one drill.
type Options struct {
	Scenario    *Scenario
	Seed        uint64
	Command     []string // see sandbox.Options
	Dir         string   // see sandbox.Options
	Kubeconfig  string   // see sandbox.Options
	Interactive bool     // a person answers elsewhere; otherwise the drill approves after its think time
	// Open starts firebreak on the sandbox's configuration, with its plugins
	// bound, so that what they collect in the background has a history.
	Open func(ctx context.Context, config []byte) (Firebreak, error)
	// Say tells a person what happens; nil says nothing.
	Say func(line string)
	Log io.Writer // what the sandbox's processes say; nil: only shown when they fail
}

func (o Options) sayf(format string, args ...any) {
	if o.Say != nil {
		o.Say(fmt.Sprintf(format, args...))
	}
}

// Run plays the drill once and scores it: about a minute. An error means that
// it could not be played; a runbook that failed is a result. Everything that
// it started is gone when it returns.
func Run(ctx context.Context, opts Options) (r Result, err error) {
	s := opts.Scenario
	box, err := start(ctx, opts)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, box.Stop()) }()
	config, err := box.ServiceConfig()
	if err != nil {
		return r, err
	}
	firebreak, err := opts.Open(ctx, []byte(config))
	if err != nil {
		return r, fmt.Errorf("drill: start firebreak: %w", err)
	}
	defer func() { err = errors.Join(err, firebreak.Close()) }()
	injected, err := breakIt(ctx, opts, box)
	if err != nil {
		return r, err
	}
	seen := Observation{Injected: injected}
	if seen.Alerted, err = alert(ctx, opts, box, injected); err != nil {
		return r, err
	}
	if err := follow(ctx, opts, firebreak, &seen); err != nil {
		return r, err
	}
	opts.sayf("the run has ended: %s", seen.Ended)

	// What never came is a zero time, and scored as such.
	soon, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	seen.RolledBack, _ = box.Live(soon, s.Break.From, injected.Add(time.Nanosecond))
	limit := recoverTime
	if seen.Ended != s.Expect.Ends {
		limit = s.Healthy.For
	}
	recovered, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	seen.Healthy, _ = box.Healthy(recovered, seen.Alerted, s.health(s.Healthy.For))
	decided, cancel := context.WithTimeout(ctx, decideTime)
	defer cancel()
	if !seen.Healthy.IsZero() {
		opts.sayf("healthy; counting the requests of the outage")
		_, _ = box.Decided(decided, injected, seen.Healthy)
	}
	if err := ctx.Err(); err != nil {
		return r, fmt.Errorf("drill: interrupted: %w", err)
	}
	seen.Load = box.Record()
	return Score(opts.scored(), seen), nil
}

// clusterTime is what each goal has more where the service is in a cluster:
// its pods are made anew, not only started again.
const clusterTime = 10 * time.Second

// scored is the scenario with the goals that count.
func (o Options) scored() *Scenario {
	if o.Kubeconfig == "" {
		return o.Scenario
	}
	s := *o.Scenario
	s.Goals = slices.Clone(s.Goals)
	for i := range s.Goals {
		s.Goals[i].Limit += clusterTime
	}
	return &s
}

// start brings the sandbox up.
func start(ctx context.Context, opts Options) (*sandbox.Sandbox, error) {
	opts.sayf("setting up: PostgreSQL, the practice service, its settings, its load")
	box, err := sandbox.Start(ctx, sandbox.Options{Seed: opts.Seed, Dir: opts.Dir, Command: opts.Command, Log: opts.Log, Kubeconfig: opts.Kubeconfig})
	if err != nil {
		return nil, fmt.Errorf("drill: %w", err)
	}
	opts.sayf("%d replicas share a pool of %d; %.0f requests a second", box.Replicas(), opts.Scenario.Break.From, box.Rate())
	return box, nil
}

// breakIt waits for a healthy baseline and then does the damage.
func breakIt(ctx context.Context, opts Options, box *sandbox.Sandbox) (time.Time, error) {
	s := opts.Scenario
	settled, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	if _, err := box.Healthy(settled, time.Now(), s.health(s.Baseline)); err != nil {
		return time.Time{}, fmt.Errorf("drill: the untouched practice service was not healthy for %s; is this machine busy? %w", s.Baseline, err)
	}
	injected, err := box.Inject(ctx, s.Break.To, s.Break.Decoys)
	if err != nil {
		return time.Time{}, fmt.Errorf("drill: %w", err)
	}
	opts.sayf("healthy so far; somebody pushes new settings")
	return injected, nil
}

func alert(ctx context.Context, opts Options, box *sandbox.Sandbox, injected time.Time) (time.Time, error) {
	limited, cancel := context.WithTimeout(ctx, alertTime)
	defer cancel()
	at, err := box.Alert(limited)
	if err != nil {
		return at, fmt.Errorf("drill: %w", err)
	}
	opts.sayf("alert %s, %.1f s after the change", opts.Scenario.Alert, at.Sub(injected).Seconds())
	return at, nil
}
