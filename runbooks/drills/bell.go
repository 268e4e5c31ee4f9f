package drills

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firebreak-ops/firebreak/runbooks/drills/sandbox"
)

// bell is how the alert of a drill comes to firebreak.
type bell interface {
	// ring blocks until the alert has begun a run, returns the run, and writes
	// down when the alert came and who raised it.
	ring(ctx context.Context, seen *Observation) (run string, err error)
	// silent blocks until the alert is over, and returns when that was known;
	// zero: not in time, or nobody says so.
	silent(ctx context.Context) time.Time
}

// open starts firebreak, and what will ring for it. Stop ends both; it is never
// nil.
func open(ctx context.Context, opts Options, box *sandbox.Sandbox, config []byte) (_ Firebreak, _ bell, stop func() error, err error) {
	if opts.Serve == nil {
		command, err := opts.Open(ctx, config)
		if err != nil {
			return nil, nil, func() error { return nil }, fmt.Errorf("drill: start firebreak: %w", err)
		}
		return command, &handBell{opts: opts, box: box, command: command}, command.Close, nil
	}
	daemon, err := opts.Serve(ctx, config)
	if err != nil {
		return nil, nil, func() error { return nil }, fmt.Errorf("drill: start firebreak: %w", err)
	}
	opts.sayf("Prometheus and Alertmanager watch the service, with the shipped rules, their times ten times shorter")
	monitoring, err := box.Monitor(ctx, daemon.Webhook())
	if err != nil {
		return nil, nil, daemon.Close, fmt.Errorf("drill: %w", err)
	}
	stop = func() error { return errors.Join(monitoring.Stop(), daemon.Close()) }
	return daemon, &realBell{opts: opts, daemon: daemon}, stop, nil
}

// handBell is rung by the sandbox itself, which looks at the service's metrics.
type handBell struct {
	opts    Options
	box     *sandbox.Sandbox
	command Command
}

func (b *handBell) ring(ctx context.Context, seen *Observation) (string, error) {
	var err error
	if seen.Alerted, err = alert(ctx, b.opts, b.box, seen.Injected); err != nil {
		return "", err
	}
	seen.RaisedBy = "drill"
	s := b.opts.Scenario
	run, err := b.command.Start(ctx, s.Runbook, Alert{Name: s.Alert, Service: sandbox.Service, At: seen.Alerted})
	if err != nil {
		return "", fmt.Errorf("drill: start runbook %s: %w", s.Runbook, err)
	}
	return run, nil
}

func (*handBell) silent(context.Context) time.Time { return time.Time{} }

// realBell is rung by Prometheus, through an Alertmanager.
type realBell struct {
	opts   Options
	daemon Daemon
}

func (b *realBell) ring(ctx context.Context, seen *Observation) (run string, err error) {
	ctx, cancel := context.WithTimeout(ctx, raiseTime)
	defer cancel()
	if run, seen.Alerted, err = b.daemon.Began(ctx, b.opts.Scenario.Alert); err != nil {
		return "", fmt.Errorf("drill: alert %s has begun no run: %w", b.opts.Scenario.Alert, err)
	}
	seen.RaisedBy = "prometheus"
	b.opts.sayf("alert %s came through the webhook, %.1f s after the change", b.opts.Scenario.Alert, seen.Alerted.Sub(seen.Injected).Seconds())
	return run, nil
}

func (b *realBell) silent(ctx context.Context) time.Time {
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	at, err := b.daemon.Resolved(ctx, b.opts.Scenario.Alert)
	if err != nil {
		b.opts.sayf("the alert is not over: %v", err)
		return time.Time{}
	}
	b.opts.sayf("the alert is resolved")
	return at
}
