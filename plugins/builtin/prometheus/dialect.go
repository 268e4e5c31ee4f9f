package prometheus

import (
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/common/model"
)

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
	poolAcquires // connections given out
	poolWaits    // waits for a connection that have begun, of libraries that count the time of those that ended
	httpRequests
	httpFailed
	httpFirst
	httpInflight
	filesOpen // of the service's process, and how many it may have
	filesMax
	databaseUp // what exporters say of the database and the pooler
	databaseMax
	databaseReserved
	databaseSuperuser
	databaseStart // seconds since 1970; the largest of all
	databaseStandby
	databaseExclusive
	databasePrepared // that there may be
	databaseCommits
	databaseRollbacks
	databaseBegun
	poolerUp
	poolerUsed
	poolerMax
	poolerTransactions
	poolerQueries
	poolerTransactionS
	poolerQueryS
	poolerWaitS
	figures
)

// isLargest says that of several series the largest counts, and not the sum.
func (f figure) isLargest() bool { return f == databaseStart || f == databaseStandby }

// timing is one distribution of durations that a replica keeps.
type timing int

const (
	acquireTime timing = iota
	holdTime
	queryTime
	requestTime
	servedTime // of the requests that were served, and of those that failed,
	failedTime // where it is said apart
	connectTime
	timings
)

// kind is what a dialect speaks of. Of each kind the first dialect of the list
// that has a marker on a page is used: many libraries' pages show the same
// thing twice.
type kind int

const (
	ofPool kind = iota
	ofRequests
	ofQueries
	ofProcess
	ofMore // always read
)

// dialect is how one library names what we read. Names are those of series: a
// histogram or summary named x has x_sum, x_count and maybe x_bucket.
type dialect struct {
	name    string
	kind    kind
	markers []string           // series of which each shows that the dialect is spoken
	figures map[string]figure  // gauges and counters, summed over their labels
	split   map[string]split   // gauges whose labels tell figures apart
	timings map[string]seconds // histograms and summaries, without their suffix
	totals  map[string]total   // distributions of which only count and sum are kept
	rows    []string           // series that are read label by label: see exports and errors
	// requests is the series that counts requests by their status; httpRequests
	// and httpFailed come from it.
	requests string
}

// split tells figures apart by the value of one of the labels.
type split struct {
	labels []model.LabelName
	values map[string]figure
	others figure // of any other value; poolMax: none
}

// seconds is a distribution whose values are to be multiplied to be seconds.
type seconds struct {
	of    timing
	scale float64
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
		name:    "pgxpool",
		markers: []string{"pgxpool_max_conns"},
		figures: map[string]figure{
			"pgxpool_max_conns":              poolMax,
			"pgxpool_acquired_conns":         poolAcquired,
			"pgxpool_idle_conns":             poolIdle,
			"pgxpool_constructing_conns":     poolConstructing,
			"pgxpool_waiting":                poolWaiting,
			"pgxpool_acquire_timeouts_total": poolTimeouts,
			"pgxpool_canceled_acquire_count": poolTimeouts,
			"pgxpool_acquire_count":          poolAcquires,
			"pgxpool_new_conns_total":        poolConnects,
			"pgxpool_new_conns_count":        poolConnects,
		},
		timings: map[string]seconds{
			"pgxpool_acquire_duration_seconds": {acquireTime, 1},
			"pgxpool_hold_duration_seconds":    {holdTime, 1},
		},
		totals: map[string]total{
			"pgxpool_acquire_count":       {of: acquireTime},
			"pgxpool_acquire_duration_ns": {of: acquireTime, isSum: true, scale: 1e-9},
		},
	},
	{
		name:    "pgxpool through OpenTelemetry",
		markers: []string{"pgxpool_max_connections"},
		figures: map[string]figure{
			"pgxpool_max_connections":          poolMax,
			"pgxpool_acquired_connections":     poolAcquired,
			"pgxpool_idle_connections":         poolIdle,
			"pgxpool_constructing_connections": poolConstructing,
			"pgxpool_canceled_acquires_total":  poolTimeouts,
			"pgxpool_acquires_total":           poolAcquires,
			"pgxpool_new_connections_total":    poolConnects,
		},
		totals: map[string]total{
			"pgxpool_acquires_total":                     {of: acquireTime},
			"pgxpool_acquire_duration_nanoseconds_total": {of: acquireTime, isSum: true, scale: 1e-9},
		},
	},
	{
		name:    "HikariCP through Micrometer",
		markers: []string{"hikaricp_connections_max"},
		figures: map[string]figure{
			"hikaricp_connections_max":                    poolMax,
			"hikaricp_connections_active":                 poolAcquired,
			"hikaricp_connections_idle":                   poolIdle,
			"hikaricp_connections_pending":                poolWaiting,
			"hikaricp_connections_timeout_total":          poolTimeouts,
			"hikaricp_connections_creation_seconds_count": poolConnects,
		},
		timings: map[string]seconds{
			"hikaricp_connections_acquire_seconds":  {acquireTime, 1},
			"hikaricp_connections_usage_seconds":    {holdTime, 1},
			"hikaricp_connections_creation_seconds": {connectTime, 1},
		},
	},
	{
		name:    "HikariCP",
		markers: []string{"hikaricp_max_connections"},
		figures: map[string]figure{
			"hikaricp_max_connections":                  poolMax,
			"hikaricp_active_connections":               poolAcquired,
			"hikaricp_idle_connections":                 poolIdle,
			"hikaricp_pending_threads":                  poolWaiting,
			"hikaricp_connection_timeout_total":         poolTimeouts,
			"hikaricp_connection_creation_millis_count": poolConnects,
		},
		timings: map[string]seconds{
			"hikaricp_connection_acquired_nanos":  {acquireTime, 1e-9},
			"hikaricp_connection_usage_millis":    {holdTime, 1e-3},
			"hikaricp_connection_creation_millis": {connectTime, 1e-3},
		},
	},
	{
		name:    "OpenTelemetry",
		markers: []string{"db_client_connection_max"},
		figures: map[string]figure{
			"db_client_connection_max":                       poolMax,
			"db_client_connection_pending_requests":          poolWaiting,
			"db_client_connection_timeouts_total":            poolTimeouts,
			"db_client_connection_create_time_seconds_count": poolConnects,
			// Without the suffixes that a translation to Prometheus may add.
			"db_client_connection_timeouts":          poolTimeouts,
			"db_client_connection_create_time_count": poolConnects,
		},
		split: map[string]split{"db_client_connection_count": usedOrIdle},
		timings: map[string]seconds{
			"db_client_connection_wait_time_seconds":   {acquireTime, 1},
			"db_client_connection_use_time_seconds":    {holdTime, 1},
			"db_client_connection_create_time_seconds": {connectTime, 1},
			"db_client_connection_wait_time":           {acquireTime, 1},
			"db_client_connection_use_time":            {holdTime, 1},
			"db_client_connection_create_time":         {connectTime, 1},
		},
	},
	{
		name:    "OpenTelemetry before its version 1.26",
		markers: []string{"db_client_connections_max"},
		figures: map[string]figure{
			"db_client_connections_max":                            poolMax,
			"db_client_connections_pending_requests":               poolWaiting,
			"db_client_connections_timeouts_total":                 poolTimeouts,
			"db_client_connections_create_time_milliseconds_count": poolConnects,
			"db_client_connections_timeouts":                       poolTimeouts,
			"db_client_connections_create_time_count":              poolConnects,
		},
		split: map[string]split{"db_client_connections_usage": usedOrIdle},
		timings: map[string]seconds{
			"db_client_connections_wait_time_milliseconds":   {acquireTime, 1e-3},
			"db_client_connections_use_time_milliseconds":    {holdTime, 1e-3},
			"db_client_connections_create_time_milliseconds": {connectTime, 1e-3},
			"db_client_connections_wait_time":                {acquireTime, 1e-3},
			"db_client_connections_use_time":                 {holdTime, 1e-3},
			"db_client_connections_create_time":              {connectTime, 1e-3},
		},
	},
	{
		name:    "database/sql",
		markers: []string{"go_sql_max_open_connections"},
		figures: map[string]figure{
			"go_sql_max_open_connections": poolMax,
			"go_sql_in_use_connections":   poolAcquired,
			"go_sql_idle_connections":     poolIdle,
			"go_sql_wait_count_total":     poolWaits,
		},
		totals: map[string]total{
			"go_sql_wait_count_total":            {of: acquireTime},
			"go_sql_wait_duration_seconds_total": {of: acquireTime, isSum: true, scale: 1},
		},
	},
	{
		name: "requests", kind: ofRequests, markers: []string{"http_requests_total", "http_request_duration_seconds_count"}, requests: "http_requests_total",
		timings: map[string]seconds{"http_request_duration_seconds": {requestTime, 1}},
	},
	{
		name: "requests of OpenTelemetry", kind: ofRequests,
		markers: []string{"http_server_request_duration_seconds_count"}, requests: "http_server_request_duration_seconds_count",
		timings: map[string]seconds{"http_server_request_duration_seconds": {requestTime, 1}},
	},
	{
		name: "requests of OpenTelemetry without suffixes", kind: ofRequests,
		markers: []string{"http_server_request_duration_count"}, requests: "http_server_request_duration_count",
		timings: map[string]seconds{"http_server_request_duration": {requestTime, 1}},
	},
	{
		name: "requests of Micrometer", kind: ofRequests,
		markers: []string{"http_server_requests_seconds_count"}, requests: "http_server_requests_seconds_count",
		timings: map[string]seconds{"http_server_requests_seconds": {requestTime, 1}},
	},
	{
		name: "queries", kind: ofQueries, markers: []string{"db_query_duration_seconds_count"},
		timings: map[string]seconds{"db_query_duration_seconds": {queryTime, 1}},
	},
	{
		name: "queries of OpenTelemetry", kind: ofQueries, markers: []string{"db_client_operation_duration_seconds_count"},
		timings: map[string]seconds{"db_client_operation_duration_seconds": {queryTime, 1}},
	},
	{
		name: "queries of OpenTelemetry without suffixes", kind: ofQueries, markers: []string{"db_client_operation_duration_count"},
		timings: map[string]seconds{"db_client_operation_duration": {queryTime, 1}},
	},
	{
		name: "service", kind: ofMore,
		figures: map[string]figure{
			"http_first_attempts_total":   httpFirst,
			"http_inflight":               httpInflight,
			"http_server_active_requests": httpInflight,
		},
	},
	{
		name: "process of client_golang", kind: ofProcess, markers: []string{"process_max_fds"},
		figures: map[string]figure{"process_open_fds": filesOpen, "process_max_fds": filesMax},
	},
	{
		name: "process of Micrometer", kind: ofProcess, markers: []string{"process_files_max_files"},
		figures: map[string]figure{"process_files_open_files": filesOpen, "process_files_max_files": filesMax},
	},
	{
		name: "errors", kind: ofMore, rows: errorSeries,
	},
	{
		name: "postgres_exporter", kind: ofMore,
		figures: map[string]figure{
			"pg_up":                                      databaseUp,
			"pg_settings_max_connections":                databaseMax,
			"pg_settings_reserved_connections":           databaseReserved,
			"pg_settings_superuser_reserved_connections": databaseSuperuser,
			"pg_settings_max_prepared_transactions":      databasePrepared,
			"pg_postmaster_start_time_seconds":           databaseStart,
			"pg_replication_is_replica":                  databaseStandby,
			"pg_stat_database_xact_commit":               databaseCommits,
			"pg_stat_database_xact_commit_total":         databaseCommits,
			"pg_stat_database_xact_rollback":             databaseRollbacks,
			"pg_stat_database_xact_rollback_total":       databaseRollbacks,
			"pg_stat_database_sessions":                  databaseBegun,
			"pg_stat_database_sessions_total":            databaseBegun,
		},
		split: map[string]split{"pg_locks_count": {
			labels: []model.LabelName{"mode"}, values: map[string]figure{"accessexclusivelock": databaseExclusive},
		}},
		rows: []string{activityCount, activityOldest, rolesLimit, databasesLimit},
	},
	{
		name: "pgbouncer_exporter", kind: ofMore,
		figures: map[string]figure{
			"pgbouncer_up":                                        poolerUp,
			"pgbouncer_used_clients":                              poolerUsed,
			"pgbouncer_config_max_client_connections":             poolerMax,
			"pgbouncer_stats_sql_transactions_pooled_total":       poolerTransactions,
			"pgbouncer_stats_queries_pooled_total":                poolerQueries,
			"pgbouncer_stats_server_in_transaction_seconds_total": poolerTransactionS,
			"pgbouncer_stats_queries_duration_seconds_total":      poolerQueryS,
			"pgbouncer_stats_client_wait_seconds_total":           poolerWaitS,
		},
		rows: slices.Concat(poolSeries, []string{poolSize, poolPaused, poolDisabled}),
	},
}

// usedOrIdle tells a pool's connections apart as OpenTelemetry does.
var usedOrIdle = split{
	labels: []model.LabelName{"db_client_connection_state", "state"},
	values: map[string]figure{"used": poolAcquired, "idle": poolIdle},
}

// codeLabels are the labels that may hold the HTTP status of a request.
var codeLabels = []model.LabelName{"code", "status", "status_code", "http_response_status_code"}

// series are the names of all that any dialect reads. A histogram has three.
var series = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for _, d := range dialects {
		for name := range d.figures {
			all[name] = true
		}
		for name := range d.split {
			all[name] = true
		}
		for name := range d.totals {
			all[name] = true
		}
		for _, name := range d.rows {
			all[name] = true
		}
		for name := range d.timings {
			for _, suffix := range suffixes {
				all[name+suffix] = true
			}
		}
		if d.requests != "" {
			all[d.requests] = true
		}
	}
	return all
})

var suffixes = []string{"_bucket", "_sum", "_count"}

// metricNames returns them, sorted.
func metricNames() []string { return slices.Sorted(maps.Keys(series())) }

// isRead says whether a page's family with that name is of use to us.
func isRead(family string) bool {
	all := series()
	return all[family] || slices.ContainsFunc(suffixes, func(suffix string) bool { return all[family+suffix] })
}
