package traces

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/firebreak-ops/firebreak/engine"
)

// Endpoints are the variables of the environment that switch traces on, the
// first that is set; the others of OpenTelemetry's exporter count, too.
var Endpoints = []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"}

// Attribute keys. No value is text that a person, a plugin or a target wrote.
const (
	keyRun       = attribute.Key("firebreak.run")
	keyRunbook   = attribute.Key("firebreak.runbook")
	keyService   = attribute.Key("firebreak.service")
	keyRequester = attribute.Key("firebreak.requester") // person, alert or drill
	keyWord      = attribute.Key("firebreak.word")
	keyPeople    = attribute.Key("firebreak.people_seconds")
	keyStep      = attribute.Key("firebreak.step")
	keyAttempt   = attribute.Key("firebreak.attempt")
	keyResult    = attribute.Key("firebreak.result") // ok, how a step ended, or the class of a failure
	keyPlugin    = attribute.Key("firebreak.plugin")
	keyAction    = attribute.Key("firebreak.action")
	keyCall      = attribute.Key("firebreak.call") // plan, read, act, undo or probe
)

// Run is what of a run is told.
type Run struct {
	ID, Runbook, Service string
	By                   string // person, alert or drill
	StartedAt            time.Time
}

// Tracer tells what runs do. Its methods may be called from any goroutine, and
// do not block.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	began    time.Time

	mu   sync.Mutex
	open map[string]map[string]time.Time // by run: steps (path) and attempts (path#n) under way, since when
}

// New connects, in the background, to the collector that the environment
// names; nil: it names none. Errors of sending go to warn.
func New(ctx context.Context, version string, warn func(error)) (*Tracer, error) {
	on := false
	for _, name := range Endpoints {
		on = on || os.Getenv(name) != ""
	}
	if !on {
		return nil, nil //nolint:nilnil // there is none
	}
	exporter, err := otlptracegrpc.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("traces: %w; correct OTEL_EXPORTER_OTLP_ENDPOINT, or unset it", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { warn(fmt.Errorf("traces: %w", err)) }))
	about, err := resource.Merge(resource.NewSchemaless(
		attribute.String("service.name", "firebreak"), attribute.String("service.version", version),
	), resource.Environment())
	if err != nil {
		return nil, fmt.Errorf("traces: %w; correct OTEL_RESOURCE_ATTRIBUTES", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithIDGenerator(ids{}), sdk.WithResource(about))
	return &Tracer{provider: provider, tracer: provider.Tracer("github.com/firebreak-ops/firebreak"), began: time.Now(), open: map[string]map[string]time.Time{}}, nil
}

// Close sends what is left, for as long as ctx allows.
func (t *Tracer) Close(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("traces: send what is left: %w", err)
	}
	return nil
}

// Recorded tells of records that are durable.
func (t *Tracer) Recorded(run Run, records []engine.Record) {
	for _, rec := range records {
		switch e := rec.Event.(type) {
		case engine.StepStarted:
			t.begin(run.ID, e.Path, rec.At)
		case engine.ReadBegan:
			t.begin(run.ID, attempt(e.Path, e.Attempt), rec.At)
		case engine.Intended:
			t.begin(run.ID, attempt(e.Path, e.Attempt), rec.At)
		case engine.Acted:
			class := ""
			if e.Outcome.Failure != nil {
				class = e.Outcome.Failure.Class
			}
			t.attempted(run, e.Path, e.Attempt, rec.At, class)
		case engine.EffectLost:
			t.attempted(run, e.Path, e.Attempt, rec.At, "unknown")
		case engine.StepSucceeded:
			t.stepped(run, e.Path, rec.At, "succeeded", false)
		case engine.StepFailed:
			t.stepped(run, e.Path, rec.At, e.Class, true)
		case engine.StepStopped:
			t.stepped(run, e.Path, rec.At, "cancelled", false)
		case engine.RunEnded:
			t.ended(run, e, rec.At)
		}
	}
}

func attempt(path string, n int) string { return fmt.Sprintf("%s#%d", path, n) }

func (t *Tracer) begin(run, what string, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[run] == nil {
		t.open[run] = map[string]time.Time{}
	}
	t.open[run][what] = at
}

// end forgets what was under way and says since when. What an owner before
// this one began is told as begun when this one was.
func (t *Tracer) end(run Run, what string) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, ok := t.open[run.ID][what]
	if !ok {
		return later(t.began, run.StartedAt)
	}
	delete(t.open[run.ID], what)
	return at
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (t *Tracer) attempted(run Run, path string, n int, at time.Time, class string) {
	from := t.end(run, attempt(path, n))
	if class == "" {
		class = "ok"
	}
	t.span(run, t.within(run.ID, path), spanID(run.ID, attempt(path, n)), "attempt "+path, from, at, class != "ok",
		keyStep.String(path), keyAttempt.Int(n), keyResult.String(class))
}

func (t *Tracer) stepped(run Run, path string, at time.Time, result string, failed bool) {
	from := t.end(run, path)
	parent, _ := cutLast(path, "/")
	t.span(run, t.within(run.ID, parent), spanID(run.ID, path), "step "+path, from, at, failed, keyStep.String(path), keyResult.String(result))
}

func (t *Tracer) ended(run Run, e engine.RunEnded, at time.Time) {
	t.mu.Lock()
	delete(t.open, run.ID)
	t.mu.Unlock()
	failed := strings.HasPrefix(string(e.Word), "failed")
	t.span(run, trace.SpanID{}, spanID(run.ID, ""), "run "+run.Runbook, run.StartedAt, at, failed,
		keyRequester.String(run.By), keyWord.String(string(e.Word)), keyPeople.Float64(e.AskedFor.Seconds()))
}

// within is the span of the innermost of a path's steps that is under way, or
// that of the run.
func (t *Tracer) within(run, path string) trace.SpanID {
	t.mu.Lock()
	defer t.mu.Unlock()
	for more := path != ""; more; path, more = cutLast(path, "/") {
		if _, ok := t.open[run][path]; ok {
			return spanID(run, path)
		}
	}
	return spanID(run, "")
}

func cutLast(s, sep string) (before string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", false
	}
	return s[:i], true
}

func (t *Tracer) span(run Run, parent, own trace.SpanID, name string, from, to time.Time, failed bool, more ...attribute.KeyValue) {
	ctx := context.WithValue(t.inside(run.ID, parent), idsKey{}, trace.SpanContextConfig{TraceID: traceID(run.ID), SpanID: own})
	_, s := t.tracer.Start(ctx, name, trace.WithTimestamp(from), trace.WithAttributes(run.attributes(more...)...))
	if failed {
		s.SetStatus(codes.Error, "")
	}
	s.End(trace.WithTimestamp(to))
}

// inside is a context within a span of the run; without one it begins a trace.
func (*Tracer) inside(run string, parent trace.SpanID) context.Context {
	if !parent.IsValid() {
		return context.Background()
	}
	return trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: traceID(run), SpanID: parent, TraceFlags: trace.FlagsSampled,
	}))
}

func (r Run) attributes(more ...attribute.KeyValue) []attribute.KeyValue {
	return append([]attribute.KeyValue{keyRun.String(r.ID), keyRunbook.String(r.Runbook), keyService.String(r.Service)}, more...)
}

// Call is a call of a plugin.
type Call struct {
	Command              string // its id: run/path#attempt/phase
	Plugin, Action, Kind string
}

// Calling tells that a plugin is called, and returns the call's traceparent,
// as W3C has it, and what to say when it is over: ok, or the class of its
// failure.
func (t *Tracer) Calling(run Run, c Call) (traceparent string, over func(result string)) {
	path := strings.TrimPrefix(c.Command, run.ID+"/")
	parent := ""
	if at, phase, ok := lastPhase(path); ok {
		parent = at
		if step, _ := cutLast(at, "#"); phase != "act" {
			parent = step
		}
	}
	ctx, s := t.tracer.Start(t.inside(run.ID, t.within(run.ID, parent)), "plugin "+c.Action, trace.WithSpanKind(trace.SpanKindClient), //nolint:spancheck // whoever is told when it is over ends it
		trace.WithAttributes(run.attributes(keyPlugin.String(c.Plugin), keyAction.String(c.Action), keyCall.String(c.Kind))...))
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier.Get("traceparent"), func(result string) { //nolint:spancheck // as said
		s.SetAttributes(keyResult.String(result))
		if result != "ok" {
			s.SetStatus(codes.Error, "")
		}
		s.End()
	}
}

// lastPhase splits path#attempt/phase.n.
func lastPhase(id string) (attempt, phase string, ok bool) {
	hash := strings.LastIndex(id, "#")
	if hash < 0 {
		return "", "", false
	}
	n, phase, ok := strings.Cut(id[hash:], "/")
	phase, _, _ = strings.Cut(phase, ".")
	return id[:hash] + n, phase, ok
}

// A run's trace, and the spans of its steps, have ids that follow from what
// they are called: whoever owns the state next goes on with the same trace.
func traceID(run string) trace.TraceID {
	sum := sha256.Sum256([]byte(run))
	return trace.TraceID(sum[:16])
}

func spanID(run, what string) trace.SpanID {
	sum := sha256.Sum256([]byte(run + "\x00" + what))
	return trace.SpanID(sum[:8])
}
