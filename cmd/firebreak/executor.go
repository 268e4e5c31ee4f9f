package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/service"
	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
)

// planTimeout is how long a plugin may take to say what it would do.
const planTimeout = 30 * time.Second

// executor carries the engine's commands out through the plugins.
type executor struct {
	host   *host.Host
	config *service.Config
	notify func(ctx context.Context, run local.RunInfo, n engine.Notify) error
	// reported are the changes of a service that others told us, since a time;
	// nil: they are not asked for.
	reported func(ctx context.Context, service string, since time.Time) []capability.Change
}

// Do implements [local.Executor].
func (x *executor) Do(ctx context.Context, run local.RunInfo, cmd engine.Command) engine.Input {
	switch c := cmd.(type) {
	case engine.PlanCall:
		return x.plan(ctx, c)
	case engine.Read:
		if !sleepUntil(ctx, c.NotBefore) {
			return nil
		}
		ctx, cancel := context.WithDeadline(ctx, c.Deadline)
		defer cancel()
		call := host.Call{ID: c.ID, Service: c.Service, Action: c.Action, Input: c.Input}
		if c.Action == "diagnose.connections" {
			call.Input = x.withReported(ctx, c.Service, c.Input)
		}
		return engine.Returned{ID: c.ID, Outcome: x.run(ctx, call, run)}
	case engine.Act:
		ctx, cancel := context.WithDeadline(ctx, c.Deadline)
		defer cancel()
		call := host.Call{ID: c.ID, Service: c.Service, Action: c.Action, Input: c.Input, Expect: c.Expect, Origin: origin(run, c.ApprovedBy)}
		return engine.Returned{ID: c.ID, Outcome: x.mutate(ctx, call, run)}
	case engine.Undo:
		ctx, cancel := context.WithDeadline(ctx, c.Deadline)
		defer cancel()
		call := host.Call{ID: c.ID, Service: c.Service, Action: c.Action, Input: c.Input, Receipt: c.Receipt, Expect: c.Expect, Origin: origin(run, c.ApprovedBy)}
		return engine.Returned{ID: c.ID, Outcome: x.mutate(ctx, call, run)}
	case engine.Probe:
		return x.probe(ctx, c)
	case engine.StopCall:
		// What cannot be asked to stop ends by itself; its outcome tells.
		_ = x.host.Cancel(ctx, c.Call)
		return nil
	case engine.Notify:
		if err := x.notify(ctx, run, c); err != nil {
			return engine.Notified{ID: c.ID, Error: err.Error()}
		}
		return engine.Notified{ID: c.ID}
	default:
		return nil
	}
}

// origin is on whose word a run makes a change.
func origin(run local.RunInfo, approvedBy []string) plugins.Origin {
	return plugins.Origin{Run: run.ID, RequestedBy: run.Facts.Requester.Name, ApprovedBy: approvedBy}
}

// sleepUntil waits for a time and reports whether it came before ctx ended.
func sleepUntil(ctx context.Context, at time.Time) bool {
	wait := time.Until(at)
	if at.IsZero() || wait <= 0 {
		return true
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (x *executor) plan(ctx context.Context, c engine.PlanCall) engine.Input {
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	p, err := x.host.Plan(ctx, host.Call{ID: c.ID, Service: c.Service, Action: c.Action, Input: c.Input, Receipt: c.Receipt})
	if err != nil {
		return engine.Planned{ID: c.ID, Failure: failure(err)}
	}
	return engine.Planned{ID: c.ID, Plan: engine.Plan{
		Binding: p.Binding, Detail: p.Detail, Fingerprint: p.Fingerprint,
		Unit: p.BlastRadius.Unit, Affected: p.BlastRadius.Affected, Total: p.BlastRadius.Total,
		Undo: p.Undo, Resource: p.Resource, Served: x.served(c.Service, c.Action),
	}}
}

func (x *executor) probe(ctx context.Context, c engine.Probe) engine.Input {
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	p := x.host.Probe(ctx, host.Call{
		ID: c.Call, Service: c.Service, Action: c.Action, Input: c.Input, Expect: c.Expect, Receipt: c.Receipt,
	}, c.Undo)
	o := engine.Outcome{Effect: effect(p.Applied), Outputs: p.Outputs, Receipt: p.Receipt, Left: p.Left}
	if o.Effect == engine.EffectUnknown {
		o.Failure = &engine.Failure{Class: plugins.Unavailable, Reason: p.Reason}
	}
	return engine.Probed{ID: c.ID, Outcome: o}
}

// mutate runs a mutation; one whose outcome was lost is answered only once it
// is certain that the call is over.
func (x *executor) mutate(ctx context.Context, call host.Call, run local.RunInfo) engine.Outcome {
	o := x.run(ctx, call, run)
	if o.Effect != engine.EffectUnknown {
		return o
	}
	fence, cancel := context.WithTimeout(context.WithoutCancel(ctx), planTimeout)
	defer cancel()
	if err := x.host.Fence(fence, call.ID); err != nil && o.Failure != nil {
		o.Failure.Reason += "; " + err.Error()
	}
	return o
}

func (x *executor) run(ctx context.Context, call host.Call, run local.RunInfo) engine.Outcome {
	r := &reporter{run: run, command: call.ID}
	o := x.host.Run(ctx, call, r)
	out := engine.Outcome{
		Effect: effect(o.Applied), Outputs: o.Outputs, Receipt: o.Receipt, Left: o.Left,
		Served: x.served(call.Service, call.Action),
	}
	if o.Failure != nil {
		out.Failure = &engine.Failure{Class: o.Failure.Class, Reason: o.Failure.Reason}
		out.Lines = r.lastWords()
	}
	return out
}

// served says which plugin, version and checksum answers for an action.
func (x *executor) served(svc, action string) string {
	return x.host.Served(pluginOf(x.config, svc, action))
}

// pluginOf is the plugin that serves an action of a service: what its section
// names, or for a tool the tool itself.
func pluginOf(config *service.Config, svc, action string) string {
	capability, _, _ := strings.Cut(action, ".")
	if s, ok := config.Services[svc]; ok {
		if section, ok := s.Sections[capability]; ok {
			return section.Plugin
		}
	}
	return capability
}

// reporter passes what a running call says on to whoever watches, and keeps its
// last lines.
type reporter struct {
	run     local.RunInfo
	command string

	mu   sync.Mutex
	last []string
}

// How much of what a call says at last is kept.
const (
	lastLines = 20
	lastLine  = 400 // bytes of each
)

// Progress implements [plugins.Stream].
func (r *reporter) Progress(done, total int, text string) {
	r.run.Report(local.Progress{Run: r.run.ID, Command: r.command, Kind: "progress", Text: text, Done: done, Total: total})
}

// Log implements [plugins.Stream].
func (r *reporter) Log(_, text string) {
	r.run.Report(local.Progress{Run: r.run.ID, Command: r.command, Kind: "log", Text: text})
	r.mu.Lock()
	defer r.mu.Unlock()
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if len(line) > lastLine {
			line = strings.ToValidUTF8(line[:lastLine], "") + "…"
		}
		r.last = append(r.last, line)
	}
	r.last = slices.Clone(r.last[max(0, len(r.last)-lastLines):])
}

// lastWords are the last lines that the call has said so far.
func (r *reporter) lastWords() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

func failure(err error) *engine.Failure {
	if f, ok := errors.AsType[*plugins.Failure](err); ok {
		return &engine.Failure{Class: f.Class, Reason: f.Reason}
	}
	return &engine.Failure{Class: plugins.Internal, Reason: err.Error()}
}

func effect(a plugins.Applied) engine.Effect {
	switch a {
	case plugins.None:
		return engine.EffectNone
	case plugins.All:
		return engine.EffectApplied
	case plugins.Partial:
		return engine.EffectPartial
	case plugins.Unknown:
		return engine.EffectUnknown
	default:
		return ""
	}
}
