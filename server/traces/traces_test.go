package traces_test

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server/traces"
	"github.com/firebreak-ops/firebreak/server/traces/tracestest"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func at(s int, e engine.Event) []engine.Record {
	return []engine.Record{{At: noon.Add(time.Duration(s) * time.Second), Event: e}}
}

var run = traces.Run{ID: "r1", Runbook: "restart", Service: "api", By: "alert", StartedAt: noon}

func tracer(t *testing.T) *traces.Tracer {
	t.Helper()
	tr, err := traces.New(t.Context(), "v1", func(err error) { t.Error(err) })
	if err != nil || tr == nil {
		t.Fatalf("%v, %v", tr, err)
	}
	return tr
}

// TestTrace tells of a run that a second owner ends, and reads what a
// collector was sent.
func TestTrace(t *testing.T) {
	c := tracestest.New(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer x")
	first := tracer(t)
	first.Recorded(run, at(0, engine.RunStarted{}))
	first.Recorded(run, at(1, engine.StepStarted{Path: "2"}))
	first.Recorded(run, at(1, engine.StepStarted{Path: "2/pool"}))
	first.Recorded(run, at(1, engine.ReadBegan{Path: "2/pool", Attempt: 1}))
	parent, over := first.Calling(run, traces.Call{Command: "r1/2/pool#1/act", Plugin: "prometheus", Action: "metrics.pool", Kind: "read"})
	over("timeout")
	first.Recorded(run, at(2, engine.Acted{Path: "2/pool", Attempt: 1, Outcome: engine.Outcome{Failure: &engine.Failure{Class: "timeout", Reason: "secret text"}}}))
	first.Recorded(run, at(2, engine.StepFailed{Path: "2/pool", Class: "timeout", Reason: "secret text"}))
	_, planned := first.Calling(run, traces.Call{Command: "r1/2#1/plan", Plugin: "git", Action: "settings.rollback", Kind: "plan"})
	planned("ok")
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := tracer(t)
	second.Recorded(run, at(3, engine.Intended{Path: "2/cut", Attempt: 2}))
	second.Recorded(run, at(4, engine.EffectLost{Path: "2/cut", Attempt: 2}))
	second.Recorded(run, at(5, engine.StepSucceeded{Path: "2"}))
	second.Recorded(run, at(9, engine.RunEnded{Word: engine.Succeeded, AskedFor: 3 * time.Second}))
	if err := second.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.Header("authorization") != "Bearer x" {
		t.Error("the headers of the environment are not sent")
	}
	spans := map[string]*otlp.Span{}
	for _, s := range c.Spans() {
		spans[s.GetName()] = s
		if hex.EncodeToString(s.GetTraceId()) != hex.EncodeToString(c.Spans()[0].GetTraceId()) {
			t.Errorf("%s is of another trace", s.GetName())
		}
	}
	for name, of := range map[string]string{
		"run restart": "", "step 2": "run restart", "step 2/pool": "step 2", "attempt 2/pool": "step 2/pool",
		"plugin metrics.pool": "attempt 2/pool", "plugin settings.rollback": "step 2", "attempt 2/cut": "run restart",
	} {
		s := spans[name]
		if s == nil {
			t.Errorf("there is no span %q", name)
			continue
		}
		if got, want := hex.EncodeToString(s.GetParentSpanId()), hex.EncodeToString(spans[of].GetSpanId()); got != want {
			t.Errorf("%q is not inside %q", name, of)
		}
	}
	if len(c.Spans()) != 7 {
		t.Errorf("%d spans", len(c.Spans()))
	}
	root := spans["run restart"]
	if took := time.Duration(root.GetEndTimeUnixNano() - root.GetStartTimeUnixNano()); took != 9*time.Second {
		t.Errorf("the run took %s", took)
	}
	if call := spans["plugin metrics.pool"]; parent != "00-"+hex.EncodeToString(call.GetTraceId())+"-"+hex.EncodeToString(call.GetSpanId())+"-01" {
		t.Errorf("the plugin is told %q", parent)
	}
	for _, name := range []string{"plugin metrics.pool", "attempt 2/pool", "step 2/pool", "attempt 2/cut"} {
		if spans[name].GetStatus().GetCode() != otlp.Status_STATUS_CODE_ERROR {
			t.Errorf("%q failed, and does not say so", name)
		}
	}
	if strings.Contains(string(c.Raw()), "secret text") {
		t.Error("what a plugin has said is in a span")
	}
	var keys []string
	for _, kv := range spans["run restart"].GetAttributes() {
		keys = append(keys, kv.GetKey())
	}
	slices.Sort(keys)
	if want := []string{"firebreak.people_seconds", "firebreak.requester", "firebreak.run", "firebreak.runbook", "firebreak.service", "firebreak.word"}; !slices.Equal(keys, want) {
		t.Errorf("the run says %v", keys)
	}
}

// TestOff tells nobody anything where no collector is named.
func TestOff(t *testing.T) {
	for _, name := range traces.Endpoints {
		t.Setenv(name, "")
	}
	if tr, err := traces.New(t.Context(), "v1", nil); tr != nil || err != nil {
		t.Errorf("%v, %v", tr, err)
	}
}

// TestNobodyListens loses spans, says so, and holds nothing up.
func TestNobodyListens(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	tr, err := traces.New(t.Context(), "v1", func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	tr.Recorded(run, at(9, engine.RunEnded{Word: engine.Succeeded}))
	over, cancel := context.WithCancel(t.Context())
	cancel() // who ends does not wait for a collector
	if err := tr.Close(over); err == nil || !strings.Contains(err.Error(), "traces: send what is left") {
		t.Errorf("it says %v", err)
	}
}

// BenchmarkCall is what it costs to tell of one call of a plugin and the five
// records around it. Where no collector is named, that is one comparison each.
func BenchmarkCall(b *testing.B) {
	c := tracestest.New(b)
	b.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	tr, err := traces.New(b.Context(), "v1", func(error) {})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		tr.Recorded(run, at(1, engine.StepStarted{Path: "2"}))
		tr.Recorded(run, at(1, engine.ReadBegan{Path: "2", Attempt: 1}))
		_, over := tr.Calling(run, traces.Call{Command: "r1/2#1/act", Plugin: "prometheus", Action: "metrics.pool", Kind: "read"})
		over("ok")
		tr.Recorded(run, at(2, engine.Acted{Path: "2", Attempt: 1}))
		tr.Recorded(run, at(2, engine.StepSucceeded{Path: "2"}))
	}
	if err := tr.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}
