package prometheus

import (
	"maps"
	"math"
	"strings"
	"testing"
	"time"
)

// TestDialects holds what each library's page is read as.
func TestDialects(t *testing.T) {
	const service = `
# TYPE http_requests_total counter
http_requests_total{code="200"} 90
http_requests_total{code="404"} 4
http_requests_total{code="503"} 6
# TYPE http_first_attempts_total counter
http_first_attempts_total 80
# TYPE http_inflight gauge
http_inflight 7
# TYPE db_query_duration_seconds histogram
db_query_duration_seconds_bucket{le="0.1"} 3
db_query_duration_seconds_bucket{le="+Inf"} 4
db_query_duration_seconds_sum 0.8
db_query_duration_seconds_count 4
# TYPE process_open_fds gauge
process_open_fds 40
# TYPE process_max_fds gauge
process_max_fds 1024
# TYPE process_files_open_files gauge
process_files_open_files 41
# TYPE process_files_max_files gauge
process_files_max_files 1025
# TYPE irrelevant gauge
irrelevant NaN
`
	for _, c := range []struct {
		name, page string
		figures    map[figure]float64
		acquires   float64
		waited     float64
	}{
		{"pgxpool", `
# TYPE pgxpool_max_conns gauge
pgxpool_max_conns 10
# TYPE pgxpool_acquired_conns gauge
pgxpool_acquired_conns 7
# TYPE pgxpool_waiting gauge
pgxpool_waiting 2
# TYPE pgxpool_acquire_timeouts_total counter
pgxpool_acquire_timeouts_total 3
# TYPE pgxpool_acquire_duration_seconds histogram
pgxpool_acquire_duration_seconds_bucket{le="1"} 5
pgxpool_acquire_duration_seconds_bucket{le="+Inf"} 6
pgxpool_acquire_duration_seconds_sum 4.5
pgxpool_acquire_duration_seconds_count 6
# TYPE go_sql_max_open_connections gauge
go_sql_max_open_connections{db_name="other"} 99
`, map[figure]float64{poolMax: 10, poolAcquired: 7, poolWaiting: 2, poolTimeouts: 3}, 6, 4.5},
		{"pgxpool with totals", `
# TYPE pgxpool_max_conns gauge
pgxpool_max_conns 10
# TYPE pgxpool_acquire_count counter
pgxpool_acquire_count 5
# TYPE pgxpool_acquire_duration_ns counter
pgxpool_acquire_duration_ns 2e9
`, map[figure]float64{poolMax: 10, poolWaiting: nan}, 5, 2},
		{"database/sql", `
# TYPE go_sql_max_open_connections gauge
go_sql_max_open_connections{db_name="a"} 20
go_sql_max_open_connections{db_name="b"} 5
# TYPE go_sql_in_use_connections gauge
go_sql_in_use_connections{db_name="a"} 12
go_sql_in_use_connections{db_name="b"} 1
# TYPE go_sql_idle_connections gauge
go_sql_idle_connections{db_name="a"} 3
# TYPE go_sql_wait_count_total counter
go_sql_wait_count_total{db_name="a"} 8
# TYPE go_sql_wait_duration_seconds_total counter
go_sql_wait_duration_seconds_total{db_name="a"} 1.5
`, map[figure]float64{poolMax: 25, poolAcquired: 13, poolIdle: 3, poolWaiting: nan}, 8, 1.5},
		{"none", "", map[figure]float64{poolMax: nan, poolAcquired: nan}, nan, nan},
	} {
		t.Run(c.name, func(t *testing.T) {
			samples, err := parse(strings.NewReader(c.page+service), zero, isRead)
			if err != nil {
				t.Fatal(err)
			}
			s := reduce(zero, samples)
			want := map[figure]float64{httpRequests: 100, httpFailed: 6, httpFirst: 80, httpInflight: 7, filesOpen: 40, filesMax: 1024}
			maps.Copy(want, c.figures)
			for f, v := range want {
				if !same(s.figures[f], v) {
					t.Errorf("figure %d is %v, want %v", f, s.figures[f], v)
				}
			}
			if a := s.timings[acquireTime]; !same(a.count, c.acquires) || !same(a.sum, c.waited) {
				t.Errorf("acquire %v in %v s, want %v in %v s", a.count, a.sum, c.acquires, c.waited)
			}
			if q := s.timings[queryTime]; q.count != 4 || q.sum != 0.8 || len(q.bounds) != 2 || q.cumulative[0] != 3 {
				t.Errorf("query %+v", q)
			}
		})
	}
}

// TestDialectsAgree holds that no metric's name has two meanings, and that a
// dialect of pools is known by the size of the pool.
func TestDialectsAgree(t *testing.T) {
	seen := map[string]string{}
	for _, d := range dialects {
		if (d.kind == ofMore) != (len(d.markers) == 0) {
			t.Errorf("%s: markers %q", d.name, d.markers)
		}
		if d.kind == ofPool && d.figures[d.markers[0]] != poolMax {
			t.Errorf("%s: marker %q is not the size of its pool", d.name, d.markers)
		}
		for name := range d.figures {
			if other, ok := seen[name]; ok {
				t.Errorf("%q is of %s and of %s", name, other, d.name)
			}
			seen[name] = d.name
		}
	}
}

func TestArrivals(t *testing.T) {
	h := history{}
	for i, v := range []struct{ done, inside float64 }{{100, 5}, {150, 30}, {200, 55}} {
		s := emptySnapshot(zero.Add(time.Duration(i) * time.Second))
		s.figures[httpRequests], s.figures[httpInflight] = v.done, v.inside
		h.add(s)
	}
	near(t, "arrivals", arrivals(h.snapshots), 150, 0)
}

func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
