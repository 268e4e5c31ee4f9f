package practice

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// seconds are bucket bounds fine enough for a p99 between 0.1 and 5 s.
var seconds = []float64{
	.001, .005, .01, .025, .05, .065, .075, .085, .1, .11, .125, .15, .2, .25, .3, .4, .5,
	.75, 1, 1.5, 2, 2.5, 3, 3.25, 3.5, 4, 5,
}

// metrics is the replica's /metrics page.
type metrics struct {
	registry                      *prometheus.Registry
	acquire, hold, query, request prometheus.Histogram
	requests                      *prometheus.CounterVec
	first                         prometheus.Counter
	inflight                      prometheus.Gauge
}

func newMetrics(p *pool, g *gate) *metrics {
	histogram := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: seconds})
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		acquire:  histogram("pgxpool_acquire_duration_seconds", "Time a request waited for a connection, given up or not."),
		hold:     histogram("pgxpool_hold_duration_seconds", "Time a connection was checked out."),
		query:    histogram("db_query_duration_seconds", "Time of the request's query."),
		request:  histogram("http_request_duration_seconds", "Time of a request, refused ones included."),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "http_requests_total", Help: "Requests answered."}, []string{"code"}),
		first:    prometheus.NewCounter(prometheus.CounterOpts{Name: "http_first_attempts_total", Help: "Requests that are no retry, by X-Attempt."}),
		inflight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "http_inflight", Help: "Requests being worked on or waiting."}),
	}
	for _, code := range []string{"200", "500", "503", "504"} {
		m.requests.WithLabelValues(code) // an increase from 0 is seen only where the 0 was
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	counter := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value)
	}
	m.registry.MustRegister(m.acquire, m.hold, m.query, m.request, m.requests, m.first, m.inflight,
		gauge("pgxpool_max_conns", "This replica's share of the pool.", func() float64 { return float64(p.stat().max) }),
		gauge("pgxpool_acquired_conns", "Connections in use.", func() float64 { return float64(p.stat().acquired) }),
		gauge("pgxpool_idle_conns", "Connections at rest.", func() float64 { return float64(p.stat().idle) }),
		gauge("pgxpool_constructing_conns", "Connections being opened.", func() float64 { return float64(p.stat().constructing) }),
		gauge("pgxpool_waiting", "Requests waiting for a connection.", func() float64 { return float64(g.backlog().Waiting) }),
		counter("pgxpool_acquire_timeouts_total", "Requests that gave up waiting.", func() float64 { return float64(g.timedOut()) }),
		counter("pgxpool_new_conns_total", "Connections opened.", func() float64 { return float64(p.stat().made) }),
	)
	return m
}

func (m *metrics) page() http.Handler {
	// Scraped often on a busy machine: compression would cost more than it saves.
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{DisableCompression: true})
}
