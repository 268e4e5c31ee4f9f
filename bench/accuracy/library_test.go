package accuracy

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// libraries are what services have to show for their pools, each in its own
// words and no more than it says. Every replica has a page for each beside its
// own, so that one fault is seen through all of them.
var libraries = []struct {
	name  string
	write func(io.Writer, said)
}{
	{"HikariCP through Micrometer", func(w io.Writer, s said) {
		labels := `{application="shop",pool="HikariPool-1"}`
		value(w, "gauge", "hikaricp_connections", labels, s.acquired+s.idle)
		value(w, "gauge", "hikaricp_connections_active", labels, s.acquired)
		value(w, "gauge", "hikaricp_connections_idle", labels, s.idle)
		value(w, "gauge", "hikaricp_connections_max", labels, s.max)
		value(w, "gauge", "hikaricp_connections_pending", labels, s.waiting)
		value(w, "counter", "hikaricp_connections_timeout_total", labels, s.timeouts)
		s.acquire.summary(w, "hikaricp_connections_acquire_seconds", labels, 1)
		s.hold.summary(w, "hikaricp_connections_usage_seconds", labels, 1)
		s.create.summary(w, "hikaricp_connections_creation_seconds", labels, 1)
		value(w, "gauge", "process_files_open_files", `{application="shop"}`, s.files)
		value(w, "gauge", "process_files_max_files", `{application="shop"}`, mostFiles)
		s.durations(w, "summary", "http_server_requests_seconds", `uri="/orders",status`, (*histogram).sums)
	}},
	{"HikariCP", func(w io.Writer, s said) {
		labels := `{pool="HikariPool-1"}`
		value(w, "gauge", "hikaricp_active_connections", labels, s.acquired)
		value(w, "gauge", "hikaricp_idle_connections", labels, s.idle)
		value(w, "gauge", "hikaricp_max_connections", labels, s.max)
		value(w, "gauge", "hikaricp_pending_threads", labels, s.waiting)
		value(w, "counter", "hikaricp_connection_timeout_total", labels, s.timeouts)
		s.acquire.summary(w, "hikaricp_connection_acquired_nanos", labels, 1e9)
		s.hold.summary(w, "hikaricp_connection_usage_millis", labels, 1e3)
		s.create.summary(w, "hikaricp_connection_creation_millis", labels, 1e3)
	}},
	{"OpenTelemetry", func(w io.Writer, s said) {
		labels := `{db_client_connection_pool_name="shop"}`
		value(w, "gauge", "db_client_connection_count", `{db_client_connection_pool_name="shop",db_client_connection_state="used"}`, s.acquired)
		fmt.Fprintf(w, "db_client_connection_count{db_client_connection_pool_name=\"shop\",db_client_connection_state=\"idle\"} %d\n", s.idle)
		value(w, "gauge", "db_client_connection_max", labels, s.max)
		value(w, "gauge", "db_client_connection_pending_requests", labels, s.waiting)
		value(w, "counter", "db_client_connection_timeouts_total", labels, s.timeouts)
		s.acquire.write(w, "db_client_connection_wait_time_seconds")
		s.hold.write(w, "db_client_connection_use_time_seconds")
		s.create.write(w, "db_client_connection_create_time_seconds")
		s.query.write(w, "db_client_operation_duration_seconds")
		s.durations(w, "histogram", "http_server_request_duration_seconds", `http_route="/orders",http_response_status_code`, (*histogram).series)
	}},
	{"OpenTelemetry of old", func(w io.Writer, s said) {
		value(w, "gauge", "db_client_connections_usage", `{pool_name="shop",state="used"}`, s.acquired)
		fmt.Fprintf(w, "db_client_connections_usage{pool_name=\"shop\",state=\"idle\"} %d\n", s.idle)
		labels := `{pool_name="shop"}`
		value(w, "gauge", "db_client_connections_max", labels, s.max)
		value(w, "gauge", "db_client_connections_pending_requests", labels, s.waiting)
		value(w, "counter", "db_client_connections_timeouts_total", labels, s.timeouts)
		s.acquire.summary(w, "db_client_connections_wait_time_milliseconds", labels, 1e3)
		s.hold.summary(w, "db_client_connections_use_time_milliseconds", labels, 1e3)
		s.create.summary(w, "db_client_connections_create_time_milliseconds", labels, 1e3)
	}},
	{"pgxpool", func(w io.Writer, s said) {
		labels := `{db_name="shop"}`
		value(w, "gauge", "pgxpool_max_conns", labels, s.max)
		value(w, "gauge", "pgxpool_acquired_conns", labels, s.acquired)
		value(w, "gauge", "pgxpool_idle_conns", labels, s.idle)
		value(w, "gauge", "pgxpool_constructing_conns", labels, s.opening)
		value(w, "counter", "pgxpool_acquire_count", labels, s.given)
		value(w, "counter", "pgxpool_acquire_duration_ns", labels, s.waited.Nanoseconds())
		value(w, "counter", "pgxpool_canceled_acquire_count", labels, s.cancelled)
		value(w, "counter", "pgxpool_new_conns_count", labels, s.opened)
		s.process(w)
		s.counts(w)
	}},
	{"database/sql", func(w io.Writer, s said) {
		labels := `{db_name="shop"}`
		value(w, "gauge", "go_sql_max_open_connections", labels, s.max)
		value(w, "gauge", "go_sql_open_connections", labels, s.acquired+s.idle)
		value(w, "gauge", "go_sql_in_use_connections", labels, s.acquired)
		value(w, "gauge", "go_sql_idle_connections", labels, s.idle)
		value(w, "counter", "go_sql_wait_count_total", labels, s.waits)
		fmt.Fprintf(w, "# TYPE go_sql_wait_duration_seconds_total counter\ngo_sql_wait_duration_seconds_total%s %g\n", labels, s.waitsEnded)
		s.process(w)
		s.counts(w)
	}},
}

// said is what a replica knows of itself at one instant.
type said struct {
	max, acquired, idle, opening int64
	waiting, timeouts, cancelled int64
	given, opened                int64         // connections, to who asked for them and anew
	waited                       time.Duration // of those that were given one
	waits                        int64         // that found no connection free
	waitsEnded                   float64       // seconds, of those that are over
	files                        int64         // that its process has open
	acquire, hold, query, create *histogram
	requests                     map[int]*histogram // by status
}

func value(w io.Writer, kind, name, labels string, v int64) {
	fmt.Fprintf(w, "# TYPE %s %s\n%s%s %d\n", name, kind, name, labels, v)
}

// summary writes count and sum only, in units of which a second has so many.
func (h *histogram) summary(w io.Writer, name, labels string, scale float64) {
	fmt.Fprintf(w, "# TYPE %s summary\n%s_sum%s %g\n%s_count%s %d\n", name, name, labels, h.sum*scale, name, labels, h.of())
}

// sums writes count and sum only, without its type; labels end with a comma.
func (h *histogram) sums(w io.Writer, name, labels string) {
	labels = strings.TrimSuffix(labels, ",")
	fmt.Fprintf(w, "%s_sum{%s} %g\n%s_count{%s} %d\n", name, labels, h.sum, name, labels, h.of())
}

var statuses = []int{200, 500, 504}

// process writes what client_golang says of each process, as far as it is read.
func (s said) process(w io.Writer) {
	value(w, "gauge", "process_open_fds", "", s.files)
	value(w, "gauge", "process_max_fds", "", mostFiles)
}

// counts writes how many requests there were by status.
func (s said) counts(w io.Writer) {
	fmt.Fprint(w, "# TYPE http_requests_total counter\n")
	for _, code := range statuses {
		fmt.Fprintf(w, "http_requests_total{code=\"%d\"} %d\n", code, s.requests[code].of())
	}
}

// durations writes how long they took by status; its label is the last.
func (s said) durations(w io.Writer, kind, name, labels string, each func(*histogram, io.Writer, string, string)) {
	fmt.Fprintf(w, "# TYPE %s %s\n", name, kind)
	for _, code := range statuses {
		each(s.requests[code], w, name, fmt.Sprintf("%s=\"%d\",", labels, code))
	}
}

// opener times how connections are opened; it is the tracer of a pool.
type opener struct {
	mu     sync.Mutex
	create histogram
}

type openedAt struct{}

// TraceConnectStart implements pgx.ConnectTracer.
func (*opener) TraceConnectStart(ctx context.Context, _ pgx.TraceConnectStartData) context.Context {
	return context.WithValue(ctx, openedAt{}, time.Now())
}

// TraceConnectEnd implements pgx.ConnectTracer.
func (o *opener) TraceConnectEnd(ctx context.Context, data pgx.TraceConnectEndData) {
	if began, ok := ctx.Value(openedAt{}).(time.Time); ok && data.Err == nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.create.add(time.Since(began))
	}
}

// TraceQueryStart and TraceQueryEnd implement pgx.QueryTracer, which a tracer
// must be.
func (*opener) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (*opener) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
