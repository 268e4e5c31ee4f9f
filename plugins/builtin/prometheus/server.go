package prometheus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// server asks a Prometheus server. It fetches raw samples and judges them as
// it does those of pages, so that both give the same answers; nothing runs in
// the background.
type server struct {
	api       v1.API
	transport *http.Transport
	name      string
	selector  string
	replica   model.LabelName
}

func newServer(s section) (*server, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, Proxy: http.ProxyFromEnvironment}
	client, err := api.NewClient(api.Config{Address: s.URL, RoundTripper: withHeaders{transport, s.Headers}})
	if err != nil {
		return nil, plugins.Fail(plugins.Invalid, "section metrics: url %q cannot be used: %v", s.URL, err)
	}
	return &server{
		api: v1.NewAPI(client), transport: transport,
		name: hostOf(s.URL), selector: s.Selector, replica: model.LabelName(s.Replica),
	}, nil
}

// withHeaders adds the configured headers to each request.
type withHeaders struct {
	next    *http.Transport
	headers map[string]string
}

func (w withHeaders) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	for k, v := range w.headers {
		req.Header.Set(k, v)
	}
	return w.next.RoundTrip(req)
}

// histories implements source.
func (s *server) histories(ctx context.Context, back time.Duration) (heard []history, silent []string, err error) {
	names := metricNames()
	match := fmt.Sprintf(`__name__=~%q`, strings.Join(names, "|"))
	if s.selector != "" {
		match += "," + s.selector
	}
	query := fmt.Sprintf("{%s}[%s]", match, model.Duration(min(back, keepFor)))
	value, _, _, err := s.api.Query(ctx, query, time.Now())
	if err != nil {
		return nil, nil, s.failure(ctx, err)
	}
	matrix, ok := value.(model.Matrix)
	if !ok || len(matrix) == 0 {
		return nil, nil, plugins.Fail(plugins.NotFound, "prometheus %s has none of the service's series of late: %s", s.name, query)
	}
	all := historiesOf(matrix, s.replica)
	newest := latest(all)
	for _, h := range all {
		n := len(h.snapshots)
		// What is not scraped any more ends before the others do.
		if newest.Sub(h.snapshots[n-1].at) > max(staleAfter, 3*gap(h.snapshots, n-1)) {
			if h.isReplica() {
				silent = append(silent, h.replica)
			}
			continue
		}
		heard = append(heard, h)
	}
	return heard, silent, nil
}

// historiesOf puts the samples of one scrape, which have one timestamp, back
// together.
func historiesOf(matrix model.Matrix, replica model.LabelName) []history {
	scrapes := map[string]map[model.Time]model.Vector{}
	for _, stream := range matrix {
		name := string(stream.Metric[replica])
		if scrapes[name] == nil {
			scrapes[name] = map[model.Time]model.Vector{}
		}
		for _, pair := range stream.Values {
			scrapes[name][pair.Timestamp] = append(scrapes[name][pair.Timestamp],
				&model.Sample{Metric: stream.Metric, Value: pair.Value, Timestamp: pair.Timestamp})
		}
	}
	var out []history
	for _, name := range slices.Sorted(maps.Keys(scrapes)) {
		h := history{replica: name}
		for _, at := range slices.Sorted(maps.Keys(scrapes[name])) {
			h.snapshots = append(h.snapshots, reduce(at.Time(), scrapes[name][at]))
		}
		out = append(out, h)
	}
	return out
}

// query implements source.
func (s *server) query(ctx context.Context, text string, at time.Time) ([]capability.Series, error) {
	if at.IsZero() {
		at = time.Now()
	}
	value, _, _, err := s.api.Query(ctx, text, at)
	if err != nil {
		return nil, s.failure(ctx, err)
	}
	var out []capability.Series
	switch v := value.(type) {
	case model.Vector:
		for _, sample := range v {
			out = appendFinite(out, labelsOf(sample.Metric), sample.Value, sample.Timestamp)
		}
	case *model.Scalar:
		out = appendFinite(out, map[string]string{}, v.Value, v.Timestamp)
	default:
		return nil, plugins.Fail(plugins.Invalid, "query %q gives a %s; ask for one value per series, for example with rate() or last_over_time()", text, value.Type())
	}
	return out, nil
}

// health implements source.
func (s *server) health(ctx context.Context) error {
	_, err := s.query(ctx, "vector(1)", time.Time{})
	return err
}

// close implements source.
func (s *server) close() { s.transport.CloseIdleConnections() }

func (s *server) failure(ctx context.Context, err error) *plugins.Failure {
	var e *v1.Error
	if !errors.As(err, &e) {
		return unanswered(ctx, "prometheus "+s.name, err)
	}
	class := plugins.Unavailable
	switch e.Type {
	case v1.ErrBadData, v1.ErrExec:
		class = plugins.Invalid
	case v1.ErrTimeout:
		class = plugins.Timeout
	case v1.ErrCanceled:
		class = plugins.Cancelled
	case v1.ErrBadResponse:
		class = plugins.Internal
	case v1.ErrClient, v1.ErrServer:
		var side string
		var status int
		if _, err := fmt.Sscanf(e.Msg, "%s error: %d", &side, &status); err == nil {
			class = classOf(status)
		}
	}
	return plugins.Fail(class, "prometheus %s: %s: %s", s.name, e.Type, e.Msg)
}
