package main

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/server"
	"github.com/firebreak-ops/firebreak/server/intake"
	"github.com/firebreak-ops/firebreak/server/metrics"
	"github.com/firebreak-ops/firebreak/server/traces"
)

// observer tells a daemon's log and metrics what its owner does. It changes
// nothing of it.
type observer struct {
	log     *slog.Logger
	metrics *metrics.Metrics
	traces  *traces.Tracer // nil: nobody is told
	own     *owner         // of which the state is read; set before anybody asks
}

func newObserver(log *slog.Logger) *observer {
	o := &observer{log: log}
	o.metrics = metrics.New(buildVersion(), o.state)
	return o
}

// untraceTime is how long a collector is waited for when a daemon ends.
const untraceTime = 2 * time.Second

// trace begins to tell a collector, where the environment names one.
func (o *observer) trace(ctx context.Context) (err error) {
	o.traces, err = traces.New(ctx, buildVersion(), func(err error) { o.log.Warn(err.Error()) })
	if err != nil {
		return fail(exitProblems, "see docs/operations.md, Traces", "%w", err)
	}
	return nil
}

// untrace sends what is left.
func (o *observer) untrace() {
	if o.traces == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), untraceTime)
	defer cancel()
	if err := o.traces.Close(ctx); err != nil {
		o.log.Warn(err.Error())
	}
}

// state is what of the owner is read when somebody asks for the metrics.
func (o *observer) state(ctx context.Context) (metrics.State, error) {
	heads, err := o.own.rt.Runs(ctx, local.Filter{Unsettled: true})
	if err != nil {
		return metrics.State{}, err
	}
	s := metrics.State{Waiting: map[string]int{}, Stops: stops{o.own.rt, o.own.ws}.Standing()}
	for _, h := range heads {
		if h.Phase == engine.PhaseEnded {
			continue
		}
		s.Open++
		for _, on := range h.Waiting {
			s.Waiting[on]++
		}
	}
	if kept := o.own.kept.Load(); kept != nil {
		s.Runbooks = len(kept.all)
	}
	if bot := o.own.ws.chat.Load(); bot != nil {
		status := bot.Status()
		s.Chat = &metrics.Chat{OK: status.OK, Lost: len(status.Lost), Sockets: status.Sockets, Waiting: status.Waiting}
	}
	return s, nil
}

// observed is a journal whose appends are told.
type observed struct {
	local.Journal

	by *observer
}

// Append implements [local.Journal].
func (j observed) Append(ctx context.Context, b local.Batch) error {
	began := time.Now()
	err := j.Journal.Append(ctx, b)
	if err == nil {
		j.by.recorded(b, time.Since(began))
	}
	return err
}

func (o *observer) recorded(b local.Batch, took time.Duration) {
	h := b.Head
	o.metrics.Recorded(metrics.Run{ID: b.Run, Runbook: h.Runbook, By: h.Requester.Kind, StartedAt: h.StartedAt}, b.Records, took)
	if o.traces != nil {
		o.traces.Recorded(traces.Run{ID: b.Run, Runbook: h.Runbook, Service: h.Service, By: h.Requester.Kind, StartedAt: h.StartedAt}, b.Records)
	}
	log := o.log.With("run", b.Run, "runbook", h.Runbook, "service", h.Service)
	for _, rec := range b.Records {
		switch e := rec.Event.(type) {
		case engine.RunStarted:
			log.Info("run started", "requester", h.Requester.Kind, "by", h.Requester.Name)
		case engine.RunEnded:
			log.Info("run ended", "word", e.Word, "seconds", rec.At.Sub(h.StartedAt).Seconds(), "people_seconds", e.AskedFor.Seconds())
		case engine.QuestionOpened:
			log.Info("question opened", "question", e.Question.ID, "kind", e.Question.Kind, "roles", e.Question.Roles)
		case engine.QuestionDecided:
			log.Info("question decided", "question", e.ID, "kind", e.Question, "choice", e.Choice, "by", e.By)
		case engine.InputRefused:
			log.Warn("refused", "by", e.By, "what", e.What, "reason", e.Reason)
		case engine.StepFailed:
			log.Warn("step failed", "step", e.Path, "class", e.Class, "reason", e.Reason, "effect", e.Effect)
		case engine.Intended:
			log.Info("change begins", "step", e.Path, "attempt", e.Attempt)
		case engine.Stopped:
			log.Warn("stopped", "kind", e.Stop.Kind, "by", e.Stop.By, "reason", e.Stop.Reason)
		}
	}
}

// called is an executor whose calls are told.
type called struct {
	*executor

	by *observer
}

// Do implements [local.Executor].
func (x called) Do(ctx context.Context, run local.RunInfo, cmd engine.Command) engine.Input {
	c, ok := callOf(cmd)
	if !ok {
		return x.executor.Do(ctx, run, cmd)
	}
	plugin := pluginOf(x.config, c.service, c.action)
	began := time.Now()
	over := func(string) {}
	if x.by.traces != nil {
		var parent string
		of := traces.Run{ID: run.ID, Runbook: run.Facts.Runbook, Service: c.service}
		parent, over = x.by.traces.Calling(of, traces.Call{Command: cmd.CommandID(), Plugin: plugin, Action: c.action, Kind: c.kind})
		ctx = host.WithTrace(ctx, parent)
	}
	in := x.executor.Do(ctx, run, cmd)
	took, result := time.Since(began), resultOf(in)
	over(result)
	x.by.metrics.Called(plugin, c.action, c.kind, result, took)
	x.by.log.Debug("called", "run", run.ID, "command", cmd.CommandID(), "plugin", plugin, "action", c.action, "call", c.kind, "result", result, "seconds", took.Seconds())
	return in
}

// pluginCall is what a command asks of a plugin.
type pluginCall struct{ kind, service, action string }

// callOf reports what a command asks of a plugin, if it does.
func callOf(cmd engine.Command) (pluginCall, bool) {
	switch c := cmd.(type) {
	case engine.PlanCall:
		return pluginCall{"plan", c.Service, c.Action}, true
	case engine.Read:
		return pluginCall{"read", c.Service, c.Action}, true
	case engine.Act:
		return pluginCall{"act", c.Service, c.Action}, true
	case engine.Undo:
		return pluginCall{"undo", c.Service, c.Action}, true
	case engine.Probe:
		return pluginCall{"probe", c.Service, c.Action}, true
	default:
		return pluginCall{}, false
	}
}

// resultOf is how a call ended: ok, or the class of its failure.
func resultOf(in engine.Input) string {
	var f *engine.Failure
	switch in := in.(type) {
	case engine.Planned:
		f = in.Failure
	case engine.Returned:
		f = in.Outcome.Failure
	case engine.Probed:
		f = in.Outcome.Failure
	case nil:
		return "cut"
	}
	if f == nil {
		return "ok"
	}
	return f.Class
}

// heard is told of every request of another machine.
func (o *observer) heard(r server.Request) {
	o.metrics.Asked(r.Method+" "+r.Route, strconv.Itoa(r.Status), r.Took)
	level := slog.LevelDebug
	if r.Status == 401 || r.Status == 403 || r.Status == 429 || r.Status >= 500 {
		level = slog.LevelWarn
	}
	o.log.Log(context.Background(), level, "request", "method", r.Method, "route", r.Route, "from", r.From, "by", r.By.Person, "token", r.By.Token, "status", r.Status, "seconds", r.Took.Seconds())
}

// decided is told what became of an alert.
func (o *observer) decided(e *intake.Entry) {
	o.metrics.Decided(e.Source, e.Outcome)
	o.log.Info("alert", "source", e.Source, "identity", e.Identity, "run", e.Run, "outcome", e.Outcome)
}
