package prometheus

// figure is one number that a replica says of itself.
type figure int

const (
	poolMax figure = iota
	poolAcquired
	poolIdle
	poolConstructing
	poolWaiting
	poolTimeouts
	poolConnects
	httpRequests
	httpFailed
	httpFirst
	httpInflight
	figures
)

// timing is one distribution of durations that a replica keeps.
type timing int

const (
	acquireTime timing = iota
	holdTime
	queryTime
	requestTime
	timings
)

// dialect is how one kind of library names what we read. Of a pool, the first
// dialect of the list whose marker is on a page is used.
type dialect struct {
	name       string
	marker     string            // the metric that shows that the dialect is spoken; empty: always read
	figures    map[string]figure // gauges and counters, summed over their labels
	histograms map[string]timing
	totals     map[string]total // distributions of which only count and sum are kept
}

// total says that a counter is the count or the sum of a distribution.
type total struct {
	of    timing
	isSum bool
	scale float64 // to seconds, of a sum
}

// dialects is the one place where metrics' names are known. To learn another
// library, add a row.
var dialects = []dialect{
	{
		name:   "pgxpool",
		marker: "pgxpool_max_conns",
		figures: map[string]figure{
			"pgxpool_max_conns":              poolMax,
			"pgxpool_acquired_conns":         poolAcquired,
			"pgxpool_idle_conns":             poolIdle,
			"pgxpool_constructing_conns":     poolConstructing,
			"pgxpool_waiting":                poolWaiting,
			"pgxpool_acquire_timeouts_total": poolTimeouts,
			"pgxpool_new_conns_total":        poolConnects,
			"pgxpool_new_conns_count":        poolConnects,
		},
		histograms: map[string]timing{
			"pgxpool_acquire_duration_seconds": acquireTime,
			"pgxpool_hold_duration_seconds":    holdTime,
		},
		totals: map[string]total{
			"pgxpool_acquire_count":       {of: acquireTime},
			"pgxpool_acquire_duration_ns": {of: acquireTime, isSum: true, scale: 1e-9},
		},
	},
	{
		name:   "database/sql",
		marker: "go_sql_max_open_connections",
		figures: map[string]figure{
			"go_sql_max_open_connections": poolMax,
			"go_sql_in_use_connections":   poolAcquired,
			"go_sql_idle_connections":     poolIdle,
		},
		totals: map[string]total{
			"go_sql_wait_count_total":            {of: acquireTime},
			"go_sql_wait_duration_seconds_total": {of: acquireTime, isSum: true, scale: 1},
		},
	},
	{
		name: "service",
		figures: map[string]figure{
			"http_requests_total":       httpRequests,
			"http_first_attempts_total": httpFirst,
			"http_inflight":             httpInflight,
		},
		histograms: map[string]timing{
			"http_request_duration_seconds": requestTime,
			"db_query_duration_seconds":     queryTime,
		},
	},
}

// codeLabels are the labels that may hold the HTTP status of a request.
var codeLabels = []string{"code", "status", "status_code"}

// metricNames returns every name that any dialect reads, as it is in a
// server's series: a histogram has three.
func metricNames() []string {
	var names []string
	for _, d := range dialects {
		for name := range d.figures {
			names = append(names, name)
		}
		for name := range d.totals {
			names = append(names, name)
		}
		for name := range d.histograms {
			names = append(names, name+"_bucket", name+"_sum", name+"_count")
		}
	}
	return names
}

// isRead says whether a page's family with that name is of use to us.
func isRead(family string) bool {
	for _, d := range dialects {
		if _, ok := d.figures[family]; ok {
			return true
		}
		if _, ok := d.totals[family]; ok {
			return true
		}
		if _, ok := d.histograms[family]; ok {
			return true
		}
	}
	return false
}
