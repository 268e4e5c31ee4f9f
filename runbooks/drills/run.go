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
	raiseTime   = 90 * time.Second // the same where Prometheus raises it
	resolveTime = 60 * time.Second // after healthy, until the alert is over
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
	// bound, so that what they collect in the background has a history. The
	// sandbox itself looks whether something is wrong.
	Open func(ctx context.Context, config []byte) (Command, error)
	// Serve, where it is set, is used instead: Prometheus raises the alert,
	// and an Alertmanager brings it to this daemon.
	Serve func(ctx context.Context, config []byte) (Daemon, error)
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
	firebreak, bell, stop, err := open(ctx, opts, box, []byte(config))
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return r, err
	}
	seen := Observation{}
	if seen.Injected, err = breakIt(ctx, opts, box); err != nil {
		return r, err
	}
	run, err := bell.ring(ctx, &seen)
	if err != nil {
		return r, err
	}
	if err := follow(ctx, opts, firebreak, run, &seen); err != nil {
		return r, err
	}
	opts.sayf("the run has ended: %s", seen.Ended)

	// What never came is a zero time, and scored as such.
	soon, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	seen.RolledBack, _ = box.Live(soon, s.Break.From, seen.Injected.Add(time.Nanosecond))
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
		seen.Resolved = bell.silent(ctx)
		_, _ = box.Decided(decided, seen.Injected, seen.Healthy)
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

// monitorTime is what the goal for the alert has more where Prometheus raises
// it: it looks each second, not each tenth of one.
const monitorTime = 5 * time.Second

// scored is the scenario with the goals that count.
func (o Options) scored() *Scenario {
	s := *o.Scenario
	s.Goals = slices.Clone(s.Goals)
	for i, g := range s.Goals {
		if o.Kubeconfig != "" {
			s.Goals[i].Limit += clusterTime
		}
		if o.Serve != nil && g.Name == "injection_to_alert" {
			s.Goals[i].Limit += monitorTime
		}
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
