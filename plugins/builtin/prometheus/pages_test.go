package prometheus

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/goleak"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

type discard struct{}

func (discard) Progress(int, int, string) {}
func (discard) Log(string, string)        {}

// replica is a /metrics page under a real server.
type replica struct {
	*httptest.Server
	max, acquired, waiting client.Gauge
	requests               *client.CounterVec
	took                   client.Histogram
	hidden                 atomic.Bool // answers 503
}

func newReplica(t *testing.T) *replica {
	t.Helper()
	gauge := func(name string) client.Gauge { return client.NewGauge(client.GaugeOpts{Name: name}) }
	r := &replica{
		max: gauge("pgxpool_max_conns"), acquired: gauge("pgxpool_acquired_conns"), waiting: gauge("pgxpool_waiting"),
		requests: client.NewCounterVec(client.CounterOpts{Name: "http_requests_total", Help: "Requests."}, []string{"code"}),
		took:     client.NewHistogram(client.HistogramOpts{Name: "http_request_duration_seconds", Help: "Time.", Buckets: []float64{.1, .5, 1}}),
	}
	registry := client.NewRegistry()
	registry.MustRegister(r.max, r.acquired, r.waiting, r.requests, r.took)
	page := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r.hidden.Load() {
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		}
		page.ServeHTTP(w, req)
	}))
	t.Cleanup(r.Close)
	r.max.Set(10)
	r.acquired.Set(6)
	return r
}

func (r *replica) serve(code string, n int, took float64) {
	r.requests.WithLabelValues(code).Add(float64(n))
	for range n {
		r.took.Observe(took)
	}
}

func bindPages(t *testing.T, replicas ...*replica) plugins.Bound {
	t.Helper()
	return bind(t, sectionOf(t, replicas...))
}

func sectionOf(t *testing.T, replicas ...*replica) string {
	t.Helper()
	var targets []string
	for _, r := range replicas {
		targets = append(targets, r.URL+"/metrics")
	}
	config, err := json.Marshal(map[string]any{"plugin": "prometheus", "targets": targets, "every": "100ms"})
	if err != nil {
		t.Fatal(err)
	}
	return string(config)
}

func bind(t *testing.T, config string) plugins.Bound {
	t.Helper()
	return bindAs(t, patient(), config)
}

func bindAs(t *testing.T, p plugin, config string) plugins.Bound {
	t.Helper()
	b, err := p.Bind(plugins.Binding{Service: "api", Capability: "metrics", Access: plugins.Read, Config: json.RawMessage(config)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func run(t *testing.T, b plugins.Bound, action, input string) plugins.Outcome {
	t.Helper()
	return b.Run(t.Context(), plugins.Call{ID: "1", Action: action, Input: json.RawMessage(input)}, discard{})
}

// answer runs an action that must succeed, and holds its output against the
// contract's schema.
func answer[T any](t *testing.T, b plugins.Bound, action, input string) T {
	t.Helper()
	out, failure := answered[T](t, b, action, input)
	if failure != nil {
		t.Fatalf("%s: %+v", action, failure)
	}
	return out
}

// answered is answer of an action that may fail.
func answered[T any](t *testing.T, b plugins.Bound, action, input string) (out T, failure *plugins.Failure) {
	t.Helper()
	o := run(t, b, action, input)
	if o.Failure != nil {
		return out, o.Failure
	}
	contract, _ := capability.Lookup(action)
	var s jsonschema.Schema
	if err := json.Unmarshal(contract.Output, &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := errors.Join(json.Unmarshal(o.Outputs, &value), json.Unmarshal(o.Outputs, &out)); err != nil {
		t.Fatal(err)
	}
	if err := resolved.Validate(value); err != nil {
		t.Error(err)
	}
	return out, nil
}

func TestPool(t *testing.T) {
	a, b := newReplica(t), newReplica(t)
	b.acquired.Set(4)
	bound := bindPages(t, a, b)
	out := answer[capability.PoolOutput](t, bound, actionPool, `{}`)
	near(t, "max", whole(out.Now.Max), 20, 0)
	near(t, "acquired", whole(out.Now.Acquired), 10, 0)
	if len(out.Replicas) != 2 || out.Replicas[0].Name != strings.TrimPrefix(a.URL, "http://") || len(out.Silent) != 0 {
		t.Errorf("replicas %+v, silent %q", out.Replicas, out.Silent)
	}
	// What is read is what the page says at the time of the call, unless that
	// takes so long that what is known has to do.
	a.acquired.Set(9)
	for deadline := time.Now().Add(time.Minute); whole(out.Now.Acquired) != 13 && time.Now().Before(deadline); {
		out = answer[capability.PoolOutput](t, bound, actionPool, `{}`)
	}
	near(t, "acquired", whole(out.Now.Acquired), 13, 0)
}

func TestSilentReplica(t *testing.T) {
	a, b := newReplica(t), newReplica(t)
	b.Close()
	bound := bindPages(t, a, b)
	out := answer[capability.PoolOutput](t, bound, actionPool, `{}`)
	near(t, "max", whole(out.Now.Max), 10, 0)
	if len(out.Silent) != 1 || out.Silent[0] != strings.TrimPrefix(b.URL, "http://") {
		t.Errorf("silent %q", out.Silent)
	}
	if err := bound.Health(t.Context()); err == nil || !strings.Contains(err.Error(), out.Silent[0]) {
		t.Errorf("health %v does not name the silent replica", err)
	}
}

func TestNoReplicaAnswers(t *testing.T) {
	a := newReplica(t)
	a.hidden.Store(true)
	o := run(t, bindPages(t, a), actionPool, `{}`)
	if o.Failure == nil || o.Failure.Class != plugins.Unavailable || !strings.Contains(o.Failure.Reason, "503") {
		t.Errorf("failure %+v", o.Failure)
	}
}

// TestHungReplica holds that a page which never comes holds up no answer.
func TestHungReplica(t *testing.T) {
	a := newReplica(t)
	release := make(chan struct{})
	hung := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(hung.Close)
	t.Cleanup(func() { close(release) })
	p := patient()
	p.within.answer = 10 * time.Second // half of which it hangs
	bound := bindAs(t, p, sectionOf(t, a, &replica{Server: hung}))
	out := answer[capability.PoolOutput](t, bound, actionPool, `{}`) // while it still hangs
	if len(out.Silent) != 1 || len(out.Replicas) != 1 {
		t.Errorf("silent %q, replicas %+v", out.Silent, out.Replicas)
	}
}

func TestHealthOfPages(t *testing.T) {
	a, b := newReplica(t), newReplica(t)
	bound := bindPages(t, a, b)
	o := run(t, bound, actionHealth, `{}`)
	if o.Failure == nil || o.Failure.Class != plugins.Inconclusive {
		t.Fatalf("without requests: %+v", o.Failure)
	}
	from := time.Now()
	a.serve("200", 80, 0.05)
	b.serve("503", 20, 0.7)
	b.waiting.Set(3)
	out := answer[capability.HealthOutput](t, bound, actionHealth, `{}`)
	near(t, "requests", float64(out.Requests), 100, 0)
	near(t, "error rate", *out.ErrorRate, 0.2, 0)
	near(t, "waiting", whole(out.Waiting), 3, 0)
	near(t, "p99", *out.P99S, 0.975, 0.03)

	// Nothing has come since.
	since, err := json.Marshal(map[string]any{"not_before": time.Now(), "window": "5s"})
	if err != nil {
		t.Fatal(err)
	}
	if o := run(t, bound, actionHealth, string(since)); o.Failure == nil || o.Failure.Class != plugins.Inconclusive {
		t.Errorf("nothing newer than now, since %s: %+v", from, o.Failure)
	}
}

func TestQueryOfPages(t *testing.T) {
	a, b := newReplica(t), newReplica(t)
	a.serve("200", 5, 0.1)
	a.serve("503", 2, 0.1)
	b.serve("200", 7, 0.1)
	bound := bindPages(t, a, b)
	out := answer[capability.QueryOutput](t, bound, actionQuery, `{"query":"http_requests_total{code=\"200\"}"}`)
	if len(out.Series) != 2 || out.Value != nil || out.Series[0].Value+out.Series[1].Value != 12 {
		t.Errorf("series %+v, value %v", out.Series, out.Value)
	}
	out = answer[capability.QueryOutput](t, bound, actionQuery, `{"query":"http_requests_total{code=\"503\"}"}`)
	if out.Value == nil || *out.Value != 2 || out.Series[0].Labels["instance"] != strings.TrimPrefix(a.URL, "http://") {
		t.Errorf("series %+v, value %v", out.Series, out.Value)
	}
	out = answer[capability.QueryOutput](t, bound, actionQuery, `{"query":"no_such_metric"}`)
	if len(out.Series) != 0 || out.Value != nil {
		t.Errorf("series %+v of nothing", out.Series)
	}
	for _, input := range []string{
		`{"query":"rate(http_requests_total[1m])"}`, `{"query":"a{b=~\"c\"}"}`, `{"query":""}`,
		`{"query":"a","at":"2026-11-22T12:00:00Z"}`, `{}`,
	} {
		if o := run(t, bound, actionQuery, input); o.Failure == nil || o.Failure.Class != plugins.Invalid {
			t.Errorf("%s: %+v", input, o.Failure)
		}
	}
}

func TestStopEndsTheCall(t *testing.T) {
	release := make(chan struct{})
	hung := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(hung.Close)
	t.Cleanup(func() { close(release) })
	stop := make(chan struct{})
	close(stop)
	o := bindPages(t, &replica{Server: hung}).Run(t.Context(), plugins.Call{Action: actionPool, Stop: stop}, discard{})
	if o.Failure == nil || o.Failure.Class != plugins.Cancelled {
		t.Errorf("failure %+v", o.Failure)
	}
}

// TestCloseLeavesNothing holds that no loop outlives its binding.
func TestCloseLeavesNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	server := httptest.NewServer(promhttp.Handler())
	b, err := patient().Bind(plugins.Binding{Capability: "metrics", Config: json.RawMessage(`{"targets":["` + server.URL + `"]}`)})
	if err != nil {
		t.Fatal(err)
	}
	run(t, b, actionPool, `{}`)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	server.Close()
	goleak.VerifyNone(t, before)
}

func TestBindRefuses(t *testing.T) {
	for config, names := range map[string]string{
		`{}`: "targets",
		`{"url":"http://a","targets":["http://b"]}`: "targets",
		`{"targets":["ftp://a"]}`:                   "ftp://a",
		`{"targets":["http://a","http://a"]}`:       "twice",
		`{"targets":["http://a"],"selector":"x"}`:   "selector",
		`{"targets":["http://a"],"every":"1ms"}`:    "every",
		`{"url":"nowhere"}`:                         "url",
		`{"urls":"http://a"}`:                       "urls",
	} {
		_, err := New().Bind(plugins.Binding{Service: "api", Capability: "metrics", Config: json.RawMessage(config)})
		var f *plugins.Failure
		if !errors.As(err, &f) || f.Class != plugins.Invalid || !strings.Contains(f.Reason, names) {
			t.Errorf("%s: %v, want class invalid naming %q", config, err, names)
		}
	}
	if _, err := New().Bind(plugins.Binding{Capability: "database", Config: json.RawMessage(`{"url":"http://a"}`)}); err == nil {
		t.Error("bound as database")
	}
}
