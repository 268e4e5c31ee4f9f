package prometheus

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// written is a /metrics page that is being written.
type written struct{ strings.Builder }

func (w *written) family(kind, name string) {
	fmt.Fprintf(w, "# HELP %s As the library says.\n# TYPE %s %s\n", name, name, kind)
}

func (w *written) gauge(name, labels string, v float64) {
	w.family("gauge", name)
	fmt.Fprintf(w, "%s%s %v\n", name, labels, v)
}

func (w *written) counter(name, labels string, v float64) {
	w.family("counter", name)
	fmt.Fprintf(w, "%s%s %v\n", name, labels, v)
}

// summary has a count, a sum and what is none of our business.
func (w *written) summary(name, labels string, d distribution, scale float64) {
	w.family("summary", name)
	fmt.Fprintf(w, "%s{%s,quantile=\"0.95\"} NaN\n", name, labels)
	fmt.Fprintf(w, "%s_count{%s} %v\n%s_sum{%s} %v\n", name, labels, d.count, name, labels, d.sum/scale)
}

func (w *written) histogram(name, labels string, d distribution, scale float64) {
	w.family("histogram", name)
	for i, bound := range d.bounds {
		le := fmt.Sprint(bound / scale)
		if math.IsInf(bound, 1) {
			le = "+Inf"
		}
		fmt.Fprintf(w, "%s_bucket{%s,le=%q} %v\n", name, labels, le, d.cumulative[i])
	}
	fmt.Fprintf(w, "%s_count{%s} %v\n%s_sum{%s} %v\n", name, labels, d.count, name, labels, d.sum/scale)
}

// library is how one library's page looks, and what can be read of it.
type library struct {
	name                      string
	write                     func(w *written, s snapshot)
	waits, holds, p99, counts bool // the queue, the hold time, acquire's p99 and attempts are known
	gives                     bool // how many connections are given out is known
}

var libraries = []library{
	{"pgxpool", func(w *written, s snapshot) {
		labels := `{db_name="app"}`
		w.counter("pgxpool_acquire_count", labels, s.timings[acquireTime].count-s.figures[poolTimeouts])
		w.counter("pgxpool_acquire_duration_ns", labels, (s.timings[acquireTime].sum-3*s.figures[poolTimeouts])*1e9)
		w.gauge("pgxpool_acquired_conns", labels, s.figures[poolAcquired])
		w.counter("pgxpool_canceled_acquire_count", labels, s.figures[poolTimeouts])
		w.gauge("pgxpool_constructing_conns", labels, 0)
		w.counter("pgxpool_empty_acquire", labels, 5)
		w.gauge("pgxpool_idle_conns", labels, s.figures[poolIdle])
		w.gauge("pgxpool_max_conns", labels, s.figures[poolMax])
		w.counter("pgxpool_new_conns_count", labels, s.figures[poolConnects])
		w.gauge("pgxpool_total_conns", labels, s.figures[poolMax])
	}, false, false, false, false, true},
	{"pgxpool through OpenTelemetry", func(w *written, s snapshot) {
		labels := `{db_client_connection_pool_name="app",db_system_name="postgresql",otel_scope_name="pool"}`
		w.counter("pgxpool_acquires_total", labels, s.timings[acquireTime].count-s.figures[poolTimeouts])
		w.counter("pgxpool_acquire_duration_nanoseconds_total", labels, (s.timings[acquireTime].sum-3*s.figures[poolTimeouts])*1e9)
		w.gauge("pgxpool_acquired_connections", labels, s.figures[poolAcquired])
		w.counter("pgxpool_canceled_acquires_total", labels, s.figures[poolTimeouts])
		w.gauge("pgxpool_constructing_connections", labels, 0)
		w.counter("pgxpool_empty_acquire_total", labels, 5)
		w.gauge("pgxpool_idle_connections", labels, s.figures[poolIdle])
		w.gauge("pgxpool_max_connections", labels, s.figures[poolMax])
		w.counter("pgxpool_new_connections_total", labels, s.figures[poolConnects])
		w.gauge("pgxpool_total_connections", labels, s.figures[poolMax])
	}, false, false, false, false, true},
	{"HikariCP through Micrometer", func(w *written, s snapshot) {
		labels := `{application="shop",pool="HikariPool-1"}`
		w.gauge("hikaricp_connections", labels, s.figures[poolMax])
		w.gauge("hikaricp_connections_active", labels, s.figures[poolAcquired])
		w.gauge("hikaricp_connections_idle", labels, s.figures[poolIdle])
		w.gauge("hikaricp_connections_max", labels, s.figures[poolMax])
		w.gauge("hikaricp_connections_min", labels, 10)
		w.gauge("hikaricp_connections_pending", labels, s.figures[poolWaiting])
		w.counter("hikaricp_connections_timeout_total", labels, s.figures[poolTimeouts])
		w.summary("hikaricp_connections_acquire_seconds", `pool="HikariPool-1"`, s.timings[acquireTime], 1)
		w.gauge("hikaricp_connections_acquire_seconds_max", labels, 3)
		w.summary("hikaricp_connections_usage_seconds", `pool="HikariPool-1"`, s.timings[holdTime], 1)
		w.summary("hikaricp_connections_creation_seconds", `pool="HikariPool-1"`, distribution{count: s.figures[poolConnects], sum: 0.2}, 1)
		w.gauge("jdbc_connections_max", `{name="dataSource"}`, s.figures[poolMax])
		w.requests("http_server_requests_seconds", `exception="None",method="GET",uri="/orders",status`, s)
	}, true, true, false, true, true},
	{"HikariCP", func(w *written, s snapshot) {
		labels := `{pool="HikariPool-1"}`
		w.gauge("hikaricp_active_connections", labels, s.figures[poolAcquired])
		w.gauge("hikaricp_idle_connections", labels, s.figures[poolIdle])
		w.gauge("hikaricp_max_connections", labels, s.figures[poolMax])
		w.gauge("hikaricp_pending_threads", labels, s.figures[poolWaiting])
		w.counter("hikaricp_connection_timeout_total", labels, s.figures[poolTimeouts])
		w.summary("hikaricp_connection_acquired_nanos", `pool="HikariPool-1"`, s.timings[acquireTime], 1e-9)
		w.summary("hikaricp_connection_usage_millis", `pool="HikariPool-1"`, s.timings[holdTime], 1e-3)
		w.summary("hikaricp_connection_creation_millis", `pool="HikariPool-1"`, distribution{count: s.figures[poolConnects], sum: 0.2}, 1e-3)
	}, true, true, false, false, true},
	{"OpenTelemetry", openTelemetry, true, true, true, true, true},
	{"OpenTelemetry without suffixes", func(w *written, s snapshot) {
		var with written
		openTelemetry(&with, s)
		w.WriteString(strings.NewReplacer("_seconds", "", "_total", "").Replace(with.String()))
	}, true, true, true, true, true},
	{"OpenTelemetry of old", func(w *written, s snapshot) {
		pool := `pool_name="shop"`
		w.family("gauge", "db_client_connections_usage")
		fmt.Fprintf(w, "db_client_connections_usage{%s,state=\"used\"} %v\n", pool, s.figures[poolAcquired])
		fmt.Fprintf(w, "db_client_connections_usage{%s,state=\"idle\"} %v\n", pool, s.figures[poolIdle])
		w.gauge("db_client_connections_max", "{"+pool+"}", s.figures[poolMax])
		w.gauge("db_client_connections_pending_requests", "{"+pool+"}", s.figures[poolWaiting])
		w.counter("db_client_connections_timeouts_total", "{"+pool+"}", s.figures[poolTimeouts])
		w.histogram("db_client_connections_wait_time_milliseconds", pool, s.timings[acquireTime], 1e-3)
		w.histogram("db_client_connections_use_time_milliseconds", pool, s.timings[holdTime], 1e-3)
	}, true, true, true, false, true},
	{"database/sql", func(w *written, s snapshot) {
		labels := `{db_name="shop"}`
		w.gauge("go_sql_max_open_connections", labels, s.figures[poolMax])
		w.gauge("go_sql_open_connections", labels, s.figures[poolMax])
		w.gauge("go_sql_in_use_connections", labels, s.figures[poolAcquired])
		w.gauge("go_sql_idle_connections", labels, s.figures[poolIdle])
		w.counter("go_sql_wait_count_total", labels, s.timings[acquireTime].count)
		w.counter("go_sql_wait_duration_seconds_total", labels, s.timings[acquireTime].sum)
		w.counter("go_sql_max_idle_closed_total", labels, 0)
		w.counter("go_sql_max_idle_time_closed_total", labels, 0)
		w.counter("go_sql_max_lifetime_closed_total", labels, 0)
	}, false, false, false, false, false},
}

func openTelemetry(w *written, s snapshot) {
	pool := `db_client_connection_pool_name="shop"`
	w.family("gauge", "db_client_connection_count")
	fmt.Fprintf(w, "db_client_connection_count{%s,db_client_connection_state=\"used\"} %v\n", pool, s.figures[poolAcquired])
	fmt.Fprintf(w, "db_client_connection_count{%s,db_client_connection_state=\"idle\"} %v\n", pool, s.figures[poolIdle])
	w.gauge("db_client_connection_max", "{"+pool+"}", s.figures[poolMax])
	w.gauge("db_client_connection_pending_requests", "{"+pool+"}", s.figures[poolWaiting])
	w.counter("db_client_connection_timeouts_total", "{"+pool+"}", s.figures[poolTimeouts])
	w.histogram("db_client_connection_wait_time_seconds", pool, s.timings[acquireTime], 1)
	w.histogram("db_client_connection_use_time_seconds", pool, s.timings[holdTime], 1)
	w.histogram("db_client_operation_duration_seconds", `db_operation_name="SELECT"`, s.timings[queryTime], 1)
	w.requests("http_server_request_duration_seconds", `http_request_method="GET",http_route="/orders",http_response_status_code`, s)
}

// requests writes how long requests took, by status; the label is the last of
// the labels.
func (w *written) requests(name, labels string, s snapshot) {
	w.family("summary", name)
	for status, d := range map[string]distribution{"200": s.timings[servedTime], "503": s.timings[failedTime]} {
		fmt.Fprintf(w, "%s_count{%s=%q} %v\n%s_sum{%s=%q} %v\n", name, labels, status, d.count, name, labels, status, d.sum)
	}
}

// as rewrites a history as the library would have told it.
func (l library) as(t *testing.T, h history) history {
	t.Helper()
	out := history{replica: h.replica}
	for _, s := range h.snapshots {
		var w written
		l.write(&w, s)
		samples, err := parse(strings.NewReader(w.String()), s.at, isRead)
		if err != nil {
			t.Fatalf("%v:\n%s", err, w.String())
		}
		// A server is asked for series by their names.
		samples = slices.DeleteFunc(samples, func(sample *model.Sample) bool {
			return !series()[string(sample.Metric[model.MetricNameLabel])]
		})
		out.add(reduce(s.at, samples))
	}
	return out
}

// TestLibraries tells the same story in every library's words: five replicas
// whose pools go from 50 connections to 20, with a baseline from before.
func TestLibraries(t *testing.T) {
	replicas := poolLowered.replicas(5, 70)
	for _, l := range libraries {
		t.Run(l.name, func(t *testing.T) {
			var told []history
			for _, h := range replicas {
				told = append(told, l.as(t, h))
			}
			out, err := poolOf(told, 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if out.Onset == nil || out.Baseline == nil {
				t.Fatalf("onset %v, baseline %v", out.Onset, out.Baseline)
			}
			if late := out.Onset.Sub(zero.Add(time.Minute)); late < 0 || late > 2*time.Second {
				t.Errorf("onset %s after the change", late)
			}
			now, before := out.Now, *out.Baseline
			near(t, "max", whole(now.Max), 20, 0)
			near(t, "acquired", whole(now.Acquired), 20, 0)
			near(t, "max before", whole(before.Max), 50, 0)
			near(t, "acquired before", whole(before.Acquired), 30, 0)
			if len(out.Replicas) != 5 || out.Replicas[0].Max != 4 {
				t.Errorf("replicas %+v", out.Replicas)
			}
			if known := now.Waiting != nil; known != l.waits {
				t.Errorf("the queue is known: %v", known)
			} else if known {
				near(t, "waiting", whole(now.Waiting), 600, 50)
			}
			if known := now.HoldS != nil; known != l.holds {
				t.Errorf("the hold time is known: %v", known)
			} else if known {
				near(t, "hold", *now.HoldS, 0.1, 0.01)
				near(t, "hold before", *before.HoldS, 0.1, 0.01)
			}
			if known := now.ReleasesRPS != nil; known != l.gives {
				t.Errorf("what is given back is known: %v", known)
			} else if known {
				near(t, "releases", *now.ReleasesRPS, 200, 25)
			}
			if now.AcquireS == nil || *now.AcquireS < 1 || before.AcquireS == nil || *before.AcquireS > 0.01 {
				t.Errorf("mean wait %v, before %v", now.AcquireS, before.AcquireS)
			}
			if known := now.AcquireP99S != nil; known != l.p99 {
				t.Errorf("the p99 of acquire is known: %v", known)
			} else if known {
				near(t, "acquire p99", *now.AcquireP99S, 4, 1)
			}
			if known := now.ErrorRate != nil; known != l.counts {
				t.Errorf("the errors are known: %v", known)
			} else if known {
				near(t, "errors before", *before.ErrorRate, 0, 0)
				near(t, "errors", *now.ErrorRate, 0.26, 0.1)
				near(t, "time beside waiting", *now.ServedS, 0.1, 0.05) // what is told counts a wait and its request at once
				near(t, "time beside waiting, before", *before.ServedS, 0.1, 0.01)
				near(t, "time until failure", *now.FailedS, 3, 0.1)
			}
			if l.name != "database/sql" && (now.Timeouts == nil || *now.Timeouts < 300) {
				t.Errorf("timeouts %v", now.Timeouts)
			}
		})
	}
}

// TestWaitsThatDoNotEnd holds that requests which all wait for a connection are
// seen to, by a library that sums up the time of ended waits only: database/sql.
func TestWaitsThatDoNotEnd(t *testing.T) {
	h := history{replica: "a"}
	for i := range 60 {
		s := emptySnapshot(zero.Add(time.Duration(i) * 250 * time.Millisecond))
		s.figures[poolMax], s.figures[poolAcquired], s.figures[poolWaits], s.timings[acquireTime] = 10, 6, 40, distribution{count: 40, sum: 0.8}
		if stuck := i - 50; stuck >= 0 {
			n := 40 + 8*float64(stuck)
			s.figures[poolAcquired], s.figures[poolWaits], s.timings[acquireTime].count = 10, n, n
		}
		h.add(s)
	}
	out, err := poolOf([]history{h}, 10*time.Second)
	if err != nil || out.Now.Waiting == nil || *out.Now.Waiting != 72 {
		t.Fatalf("%v, waiting %v, want the 72 that began to wait and did not end", err, out.Now.Waiting)
	}
	if out.Onset == nil || out.Onset.Sub(h.snapshots[50].at) > time.Second || out.Onset.Before(h.snapshots[50].at) {
		t.Errorf("onset %v, it began at %v", out.Onset, h.snapshots[50].at)
	}
	last := &h.snapshots[59]
	last.timings[acquireTime].sum += 5
	if out, err = poolOf([]history{h}, 10*time.Second); err != nil || out.Now.Waiting != nil {
		t.Errorf("%v, waiting %v once waits have ended: how many go on is not said", err, out.Now.Waiting)
	}
}

// TestWaitsBeganEarlier holds that where the queue is not said trouble began
// when those who had to wait came, and not when their wait was over.
func TestWaitsBeganEarlier(t *testing.T) {
	h := history{replica: "a"}
	for i := range 60 {
		s := emptySnapshot(zero.Add(time.Duration(i) * 250 * time.Millisecond))
		s.figures[poolMax], s.figures[poolAcquired] = 10, 6
		s.timings[acquireTime] = distribution{count: 25 * float64(min(i, 40)), sum: 0.001}
		if over := i - 48; over > 0 { // nobody got a connection for two seconds
			s.timings[acquireTime].count += 25 * float64(over)
			s.timings[acquireTime].sum += 50 * float64(over)
		}
		h.add(s)
	}
	out, err := poolOf([]history{h}, 10*time.Second)
	if err != nil || out.Onset == nil {
		t.Fatalf("%v, onset %v", err, out.Onset)
	}
	if late := out.Onset.Sub(h.snapshots[40].at); late < 0 || late > 500*time.Millisecond {
		t.Errorf("onset %s after the first had to wait", late)
	}
}

// TestExporters reads what exporters of database and pooler say, beside a
// service or alone; that one is not let in is an answer, too.
func TestExporters(t *testing.T) {
	page := func(text string) history {
		samples, err := parse(strings.NewReader(text), zero, isRead)
		if err != nil {
			t.Fatal(err)
		}
		return history{replica: "exporter", snapshots: []snapshot{reduce(zero, samples)}}
	}
	database := page(`
# TYPE pg_up gauge
pg_up 1
# TYPE pg_settings_max_connections gauge
pg_settings_max_connections{server="db:5432"} 60
# TYPE pg_settings_superuser_reserved_connections gauge
pg_settings_superuser_reserved_connections{server="db:5432"} 3
# TYPE pg_settings_max_prepared_transactions gauge
pg_settings_max_prepared_transactions{server="db:5432"} 5
# TYPE pg_postmaster_start_time_seconds gauge
pg_postmaster_start_time_seconds{server="db:5432"} 1.7e9
# TYPE pg_replication_is_replica gauge
pg_replication_is_replica{server="db:5432"} 0
# TYPE pg_locks_count gauge
pg_locks_count{datname="app",mode="accessexclusivelock"} 2
pg_locks_count{datname="app",mode="accesssharelock"} 40
# TYPE pg_roles_connection_limit gauge
pg_roles_connection_limit{rolname="app"} 30
pg_roles_connection_limit{rolname="pg_monitor"} -1
# TYPE pg_database_connection_limit gauge
pg_database_connection_limit{datname="app"} -1
# TYPE pg_stat_activity_count gauge
pg_stat_activity_count{datname="app",usename="app",application_name="api",state="active",wait_event_type="Lock",wait_event="tuple"} 3
pg_stat_activity_count{datname="app",usename="app",application_name="api",state="active",wait_event_type="Lock",wait_event="relation"} 2
pg_stat_activity_count{datname="app",usename="app",application_name="api",state="idle"} 9
pg_stat_activity_count{datname="app",usename="",application_name="",state="disabled"} 0
# TYPE pg_stat_activity_max_tx_duration gauge
pg_stat_activity_max_tx_duration{datname="app",usename="app",application_name="api",state="active",wait_event_type="Lock",wait_event="tuple"} 3
pg_stat_activity_max_tx_duration{datname="app",usename="app",application_name="api",state="active",wait_event_type="Lock",wait_event="relation"} 7
`)
	pooler := page(`
# TYPE pgbouncer_up gauge
pgbouncer_up 1
# TYPE pgbouncer_used_clients gauge
pgbouncer_used_clients 17
# TYPE pgbouncer_config_max_client_connections gauge
pgbouncer_config_max_client_connections 100
# TYPE pgbouncer_pools_client_waiting_connections gauge
pgbouncer_pools_client_waiting_connections{database="app",user="app"} 7
pgbouncer_pools_client_waiting_connections{database="pgbouncer",user="pgbouncer"} 0
# TYPE pgbouncer_pools_client_maxwait_seconds gauge
pgbouncer_pools_client_maxwait_seconds{database="app",user="app"} 1.5
pgbouncer_pools_client_maxwait_seconds{database="b",user="app"} 0.5
# TYPE pgbouncer_pools_server_active_connections gauge
pgbouncer_pools_server_active_connections{database="app",user="app"} 8
# TYPE pgbouncer_pools_server_idle_connections gauge
pgbouncer_pools_server_idle_connections{database="app",user="app"} 1
# TYPE pgbouncer_pools_server_used_connections gauge
pgbouncer_pools_server_used_connections{database="app",user="app"} 2
# TYPE pgbouncer_databases_pool_size gauge
pgbouncer_databases_pool_size{database="appdb",host="db",name="app"} 8
# TYPE pgbouncer_databases_paused gauge
pgbouncer_databases_paused{database="appdb",host="db",name="app"} 1
`)
	out, err := poolOf([]history{database, pooler}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	d, p := out.Database, out.Pooler
	if d == nil || !d.Up || *d.Max != 60 || *d.Superuser != 3 || d.Reserved != nil || d.StartedAt.Unix() != 1.7e9 || *d.Standby || *d.Exclusive != 2 || *d.Prepared != 5 {
		t.Errorf("database %+v", d)
	}
	if want := (capability.ExportedLimit{Role: "app", Most: 30}); len(d.Limits) != 1 || d.Limits[0] != want {
		t.Errorf("limits %+v", d.Limits)
	}
	if len(d.Sessions) != 2 || d.Sessions[0].State != "idle" || d.Sessions[0].Count != 9 || d.Sessions[1].Wait != "Lock" || d.Sessions[1].Count != 5 || *d.Sessions[1].OldestS != 7 {
		t.Errorf("sessions %+v", d.Sessions)
	}
	if p == nil || !p.Up || *p.Max != 100 || *p.Used != 17 || len(p.Pools) != 2 {
		t.Fatalf("pooler %+v", p)
	}
	if pool := p.Pools[0]; pool.Database != "app" || pool.Waiting != 7 || *pool.OldestS != 1.5 || pool.Active != 8 || pool.Idle != 3 || *pool.Size != 8 || !pool.Paused {
		t.Errorf("pool %+v", pool)
	}
	if len(out.Replicas) != 0 || out.Now.Max != nil {
		t.Errorf("an exporter is a replica: %+v", out.Replicas)
	}
	refused := page("# TYPE pg_up gauge\npg_up 0\n")
	if out, err = poolOf([]history{refused}, time.Second); err != nil || out.Database == nil || out.Database.Up || out.Database.Max != nil || out.Pooler != nil {
		t.Errorf("%v, database %+v, pooler %+v", err, out.Database, out.Pooler)
	}
	with := poolLowered.replicas(5, 70)
	refused.snapshots[0].at = latest(with)
	if out, err = poolOf(append(with, refused), 10*time.Second); err != nil || len(out.Replicas) != 5 || out.Database == nil || out.Database.Up || out.Onset == nil {
		t.Errorf("%v, %d replicas, database %+v, onset %v", err, len(out.Replicas), out.Database, out.Onset)
	}
}

// TestTimeBesideWaiting holds what requests do beside waiting for a connection,
// by whichever waits are counted: of those that got one, of all, or of those
// that found none free.
func TestTimeBesideWaiting(t *testing.T) {
	const served, failed = 60, 40 // for 0.1 s after 1.9 s, and after 2 s
	requests := func(n, each float64) distribution { return distribution{count: n, sum: n * each} }
	for _, c := range []struct {
		name     string
		wait     distribution
		byStatus bool
		growing  float64
		want     float64 // NaN: it is not known
	}{
		{"waits of those that got one", requests(served, 1.9), true, 0, 0.1},
		{"waits of those that got one, and statuses are not said", requests(served, 1.9), false, 0, nan},
		{"waits of all", distribution{count: 100, sum: served*1.9 + failed*2}, true, 0, 0.1},
		{"waits of all, and statuses are not said", distribution{count: 100, sum: served*1.9 + failed*2}, false, 0, 0.1},
		{"waits that grow", distribution{count: 100, sum: served*1.95 + failed*2}, true, 0.5, 0.1},
		{"two waits for each", requests(200, 0.9), true, 0, nan},
	} {
		var dists [timings]distribution
		for i := range dists {
			dists[i] = distribution{count: nan, sum: nan}
		}
		dists[acquireTime], dists[requestTime] = c.wait, distribution{count: 100, sum: served*2 + failed*2}
		if c.byStatus {
			dists[servedTime], dists[failedTime] = requests(served, 2), requests(failed, 2)
		}
		if have := besideWaiting(dists, served, c.growing); math.Abs(have-c.want) > 0.001 || math.IsNaN(have) != math.IsNaN(c.want) {
			t.Errorf("%s: %v, want %v", c.name, have, c.want)
		}
	}
}

// TestWaitGrows holds by how much longer the wait for a connection becomes each
// second.
func TestWaitGrows(t *testing.T) {
	h := history{replica: "a"}
	for i := range 41 {
		s := emptySnapshot(zero.Add(time.Duration(i) * 100 * time.Millisecond))
		n := float64(i)
		s.timings[acquireTime] = distribution{count: 10 * n, sum: 10 * (0.05 * n * (n + 1) / 2)} // half a second longer each second
		h.add(s)
	}
	near(t, "growth", waitGrows([]history{h}, h.snapshots[0].at, h.snapshots[40].at), 0.5, 0.01)
}
