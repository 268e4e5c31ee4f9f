package capability

import (
	"encoding/json"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

// QueryInput is the input of metrics.query.
type QueryInput struct {
	Query string    `json:"query" jsonschema:"in the language of the metrics' source"`
	At    time.Time `json:"at,omitzero" jsonschema:"instant of the query; now if left out"`
}

// QueryOutput is the output of metrics.query.
type QueryOutput struct {
	Observed
	Value   *float64     `json:"value" jsonschema:"the value when there is exactly one series, else null"`
	Samples int          `json:"samples" jsonschema:"number of series"`
	Series  List[Series] `json:"series"`
}

// Series is one labelled value.
type Series struct {
	Labels map[string]string `json:"labels"`
	Value  float64           `json:"value"`
	At     time.Time         `json:"at"`
}

// PoolInput is the input of metrics.pool.
type PoolInput struct {
	Window Duration `json:"window,omitzero" jsonschema:"how far back 'now' reaches"`
}

func (PoolInput) defaults() map[string]json.RawMessage {
	return map[string]json.RawMessage{"window": json.RawMessage(`"10s"`)}
}

// PoolOutput is the output of metrics.pool: the service's connection pools,
// all replicas together, now and before the trouble.
type PoolOutput struct {
	Observed
	Now      Window            `json:"now"`
	Baseline *Window           `json:"baseline" jsonschema:"the same figures before the onset; null without history"`
	Onset    *time.Time        `json:"onset" jsonschema:"when acquire wait or queue left the baseline; null while they have not"`
	Replicas List[PoolReplica] `json:"replicas" jsonschema:"the replicas that answered"`
	Silent   List[string]      `json:"silent" jsonschema:"the replicas that did not answer, and so are in no figure"`
	Database *ExportedDatabase `json:"database,omitempty" jsonschema:"what an exporter says of the database; left out where none is read"`
	Pooler   *ExportedPooler   `json:"pooler,omitempty" jsonschema:"what an exporter says of the pooler; left out where none is read"`
}

// ExportedDatabase is what an exporter says of a database. What it does not
// say is null.
type ExportedDatabase struct {
	Up            bool     `json:"up" jsonschema:"the exporter was let in; when not, the connections are most likely used up"`
	Max           *int     `json:"max" jsonschema:"max_connections"`
	Active        *int     `json:"active" jsonschema:"sessions that run a statement"`
	Idle          *int     `json:"idle" jsonschema:"sessions outside a transaction"`
	InTransaction *int     `json:"in_transaction" jsonschema:"sessions idle in a transaction"`
	Other         *int     `json:"other" jsonschema:"all others"`
	OldestS       *float64 `json:"oldest_s" jsonschema:"age of the oldest transaction, seconds"`
}

// ExportedPooler is what an exporter says of a pooler. What it does not say is
// null.
type ExportedPooler struct {
	Up      bool     `json:"up" jsonschema:"the exporter was let in"`
	Max     *int     `json:"max" jsonschema:"client connections that there may be"`
	Used    *int     `json:"used" jsonschema:"client connections that there are"`
	Waiting *int     `json:"waiting" jsonschema:"clients that wait for a server connection"`
	OldestS *float64 `json:"oldest_s" jsonschema:"how long the first of them has waited, seconds"`
	Active  *int     `json:"active" jsonschema:"server connections that a client holds"`
	Idle    *int     `json:"idle" jsonschema:"server connections that are free"`
}

// Window sums up what was measured between two instants. What could not be
// measured is null; rates are per second; gauges are as of To.
type Window struct {
	From             time.Time `json:"from"`
	To               time.Time `json:"to"`
	Samples          int       `json:"samples" jsonschema:"number of scrapes"`
	Requests         int       `json:"requests" jsonschema:"requests finished in the window"`
	OfferedRPS       *float64  `json:"offered_rps" jsonschema:"attempts that arrived, retries included, per second"`
	FirstAttemptsRPS *float64  `json:"first_attempts_rps" jsonschema:"attempts that arrived and were no retry, per second"`
	ReleasesRPS      *float64  `json:"releases_rps" jsonschema:"connections given back to the pool per second"`
	ConnectsRPS      *float64  `json:"connects_rps" jsonschema:"connections newly opened per second"`
	ErrorRate        *float64  `json:"error_rate" jsonschema:"share of finished requests that failed, 0 to 1"`
	HoldS            *float64  `json:"hold_s" jsonschema:"mean time a connection was held, seconds"`
	QueryS           *float64  `json:"query_s" jsonschema:"mean time of a database query, seconds"`
	AcquireP99S      *float64  `json:"acquire_p99_s" jsonschema:"99th percentile of the wait for a connection, seconds"`
	Acquired         *int      `json:"acquired" jsonschema:"connections in use"`
	Max              *int      `json:"max" jsonschema:"size of the pools"`
	Waiting          *int      `json:"waiting" jsonschema:"requests that wait for a connection"`
	Timeouts         *int      `json:"timeouts" jsonschema:"waits for a connection that were given up in the window"`
}

// PoolReplica is the pool of one replica.
type PoolReplica struct {
	Name         string `json:"name"`
	Max          int    `json:"max"`
	Acquired     int    `json:"acquired"`
	Idle         int    `json:"idle"`
	Constructing int    `json:"constructing" jsonschema:"connections being opened"`
	Waiting      *int   `json:"waiting"`
}

// HealthInput is the input of metrics.health.
type HealthInput struct {
	Window    Duration  `json:"window,omitzero" jsonschema:"how far back the sample reaches"`
	NotBefore time.Time `json:"not_before,omitzero" jsonschema:"nothing measured earlier counts, such as what was before a repair ended"`
}

func (HealthInput) defaults() map[string]json.RawMessage {
	return map[string]json.RawMessage{"window": json.RawMessage(`"5s"`)}
}

// MinHealthRequests is the least number of requests that says anything of a
// service's health.
const MinHealthRequests = 20

// HealthOutput is the output of metrics.health. A sample that says neither
// yes nor no (no samples, nothing newer than not_before, fewer than
// [MinHealthRequests] requests) ends the call as inconclusive instead.
type HealthOutput struct {
	Observed
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	Samples   int       `json:"samples" jsonschema:"number of scrapes"`
	Requests  int       `json:"requests" jsonschema:"requests finished in the window"`
	ErrorRate *float64  `json:"error_rate" jsonschema:"share of finished requests that failed, 0 to 1"`
	P99S      *float64  `json:"p99_s" jsonschema:"99th percentile of request time, seconds"`
	Waiting   *int      `json:"waiting" jsonschema:"requests that wait for a connection"`
}

func metricsActions() []plugins.Action {
	return []plugins.Action{
		{
			Name: "metrics.health", Effect: plugins.Read,
			Input: input[HealthInput](nil), Output: output[HealthOutput](), Idempotent: true,
			Doc: "Samples the service's errors, latency and queue; inconclusive when there is too little to judge.",
		},
		{
			Name: "metrics.pool", Effect: plugins.Read,
			Input: input[PoolInput](nil), Output: output[PoolOutput](), Idempotent: true,
			Doc: "Reads the service's connection pools: now, before the trouble, and when it began.",
		},
		{
			Name: "metrics.query", Effect: plugins.Read,
			Input: input[QueryInput](nil), Output: output[QueryOutput](), Idempotent: true,
			Doc: "Asks the metrics' source one question in its own language.",
		},
	}
}
