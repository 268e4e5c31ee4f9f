package prometheus

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// fakeServer speaks the part of the Prometheus HTTP API that is used, in the
// format of https://prometheus.io/docs/prometheus/latest/querying/api/: a
// range-vector query gets the matrix, any other the recorded answer.
func fakeServer(t *testing.T, matrix func() any, recorded string, status int) (*httptest.Server, *[]string) {
	t.Helper()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/query" {
			http.NotFound(w, r)
			return
		}
		query := r.FormValue("query")
		asked = append(asked, r.Header.Get("Authorization")+" "+query)
		w.Header().Set("Content-Type", "application/json")
		if status != http.StatusOK {
			w.WriteHeader(status)
		}
		if strings.HasSuffix(query, "]") && matrix != nil {
			_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": "matrix", "result": matrix()}})
			return
		}
		_, _ = w.Write([]byte(recorded))
	}))
	t.Cleanup(server.Close)
	return server, &asked
}

// matrixOf writes histories as a server keeps them: one series per metric and
// label set, with its raw samples. Times are moved so that they end now.
func matrixOf(histories []history) []map[string]any {
	shift := time.Since(latest(histories))
	type key struct{ name, instance, label string }
	values := map[key][][2]any{}
	var order []key
	put := func(k key, at time.Time, v float64) {
		if _, ok := values[k]; !ok {
			order = append(order, k)
		}
		values[k] = append(values[k], [2]any{float64(at.Add(shift).UnixMilli()) / 1000, fmt.Sprint(v)})
	}
	for _, h := range histories {
		for _, s := range h.snapshots {
			put(key{"pgxpool_max_conns", h.replica, ""}, s.at, s.figures[poolMax])
			put(key{"pgxpool_acquired_conns", h.replica, ""}, s.at, s.figures[poolAcquired])
			put(key{"pgxpool_waiting", h.replica, ""}, s.at, s.figures[poolWaiting])
			put(key{"http_first_attempts_total", h.replica, ""}, s.at, s.figures[httpFirst])
			put(key{"http_requests_total", h.replica, "code=200"}, s.at, s.figures[httpRequests]-s.figures[httpFailed])
			put(key{"http_requests_total", h.replica, "code=503"}, s.at, s.figures[httpFailed])
			hold := s.timings[holdTime]
			put(key{"pgxpool_hold_duration_seconds_sum", h.replica, ""}, s.at, hold.sum)
			put(key{"pgxpool_hold_duration_seconds_count", h.replica, ""}, s.at, hold.count)
			request := s.timings[requestTime]
			put(key{"http_request_duration_seconds_count", h.replica, ""}, s.at, request.count)
			for i, b := range request.bounds {
				le := strings.TrimSuffix(fmt.Sprint(b), "f")
				put(key{"http_request_duration_seconds_bucket", h.replica, "le=" + le}, s.at, request.cumulative[i])
			}
		}
	}
	var out []map[string]any
	for _, k := range order {
		metric := map[string]string{"__name__": k.name, "instance": k.instance, "job": "api"}
		if name, value, ok := strings.Cut(k.label, "="); ok {
			metric[name] = value
		}
		out = append(out, map[string]any{"metric": metric, "values": values[k]})
	}
	return out
}

func bindServer(t *testing.T, url string) plugins.Bound {
	t.Helper()
	return bind(t, fmt.Sprintf(`{"url":%q,"selector":"job=\"api\"","headers":{"Authorization":"Bearer x"}}`, url))
}

func TestPoolFromServer(t *testing.T) {
	histories := poolLowered.replicas(5, 70)
	server, asked := fakeServer(t, func() any { return matrixOf(histories) }, "", http.StatusOK)
	b := bindServer(t, server.URL)
	out := answer[capability.PoolOutput](t, b, actionPool, `{}`)
	near(t, "max", whole(out.Now.Max), 20, 0)
	near(t, "first attempts", *out.Now.FirstAttemptsRPS, 300, 5)
	if out.Baseline == nil || out.Onset == nil {
		t.Fatalf("baseline %v, onset %v", out.Baseline, out.Onset)
	}
	near(t, "baseline max", whole(out.Baseline.Max), 50, 0)
	near(t, "onset", out.ObservedAt.Sub(*out.Onset).Seconds(), 10, 2)
	if !strings.Contains((*asked)[0], `job="api"`) || !strings.HasPrefix((*asked)[0], "Bearer x ") {
		t.Errorf("asked %q", (*asked)[0])
	}

	health := answer[capability.HealthOutput](t, b, actionHealth, `{}`)
	near(t, "error rate", *health.ErrorRate, 1.0/3, 0.05)
	if *health.P99S < 2 {
		t.Errorf("p99 %v", *health.P99S)
	}
}

// TestReplicaGone holds that an instance that is not scraped any more counts
// no longer.
func TestReplicaGone(t *testing.T) {
	histories := load{max: always(10), offered: always(60), hold: always(.1)}.replicas(3, 60)
	histories[2].snapshots = histories[2].snapshots[:100]
	server, _ := fakeServer(t, func() any { return matrixOf(histories) }, "", http.StatusOK)
	out := answer[capability.PoolOutput](t, bindServer(t, server.URL), actionPool, `{}`)
	near(t, "max", whole(out.Now.Max), 20, 0)
	if len(out.Silent) != 1 || out.Silent[0] != "c" {
		t.Errorf("silent %q", out.Silent)
	}
}

func TestQueryOfServer(t *testing.T) {
	for _, c := range []struct {
		name, recorded string
		status         int
		class          string
		series         int
		value          float64
	}{
		{"vector", `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","instance":"a"},"value":[1763812800.123,"1"]}]}}`, 200, "", 1, 1},
		{"two", `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"i":"a"},"value":[1763812800,"1"]},{"metric":{"i":"b"},"value":[1763812800,"NaN"]},{"metric":{"i":"c"},"value":[1763812800,"3"]}]}}`, 200, "", 2, nan},
		{"scalar", `{"status":"success","data":{"resultType":"scalar","result":[1763812800,"2.5"]}}`, 200, "", 1, 2.5},
		{"empty", `{"status":"success","data":{"resultType":"vector","result":[]}}`, 200, "", 0, nan},
		{"range", `{"status":"success","data":{"resultType":"matrix","result":[]}}`, 200, plugins.Invalid, 0, nan},
		{"parse error", `{"status":"error","errorType":"bad_data","error":"1:2: parse error"}`, 400, plugins.Invalid, 0, nan},
		{"too long", `{"status":"error","errorType":"timeout","error":"query timed out"}`, 503, plugins.Unavailable, 0, nan}, // the library does not read why
		{"gateway timeout", `too late`, 504, plugins.Timeout, 0, nan},
		{"denied", `forbidden`, 403, plugins.Denied, 0, nan},
		{"down", `bad gateway`, 502, plugins.Unavailable, 0, nan},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, _ := fakeServer(t, nil, c.recorded, c.status)
			b := bindServer(t, server.URL)
			if c.class != "" {
				if o := run(t, b, actionQuery, `{"query":"up"}`); o.Failure == nil || o.Failure.Class != c.class {
					t.Errorf("failure %+v, want class %s", o.Failure, c.class)
				}
				return
			}
			out := answer[capability.QueryOutput](t, b, actionQuery, `{"query":"up","at":"2026-11-22T12:00:00Z"}`)
			if len(out.Series) != c.series || out.Samples != c.series || (out.Value != nil) != (c.series == 1) || out.Value != nil && *out.Value != c.value {
				t.Errorf("%+v", out)
			}
		})
	}
}

func TestServerCannotBeReached(t *testing.T) {
	b := bindServer(t, "http://user:hunter2@127.0.0.1:1")
	err := b.Health(t.Context())
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("health %v", err)
	}
	if strings.Contains(b.Resource(), "hunter2") {
		t.Errorf("resource %q shows the password", b.Resource())
	}
	if o := run(t, b, actionPool, `{}`); o.Failure == nil || o.Failure.Class != plugins.Unavailable {
		t.Errorf("failure %+v", o.Failure)
	}
}
