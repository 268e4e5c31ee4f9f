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
	HeldDone *int              `json:"held_done,omitempty" jsonschema:"connections in use whose queries are finished, by the counts of both; left out where they do not tell"`
	Fewest   *int              `json:"fewest,omitempty" jsonschema:"fewest connections that the replicas together had open at once since right before the onset; left out without an onset"`
	Database *ExportedDatabase `json:"database,omitempty" jsonschema:"what an exporter says of the database; left out where none is read"`
	Pooler   *ExportedPooler   `json:"pooler,omitempty" jsonschema:"what an exporter says of the pooler; left out where none is read"`
}

// ExportedDatabase is what an exporter says of a database. What it does not
// say is null.
type ExportedDatabase struct {
	Up        bool                   `json:"up" jsonschema:"the exporter was let in; when not, the connections are most likely used up"`
	Max       *int                   `json:"max" jsonschema:"max_connections"`
	Reserved  *int                   `json:"reserved" jsonschema:"slots kept for pg_use_reserved_connections"`
	Superuser *int                   `json:"superuser" jsonschema:"slots kept for superusers"`
	StartedAt *time.Time             `json:"started_at" jsonschema:"when the server started"`
	Standby   *bool                  `json:"standby" jsonschema:"the server is a standby"`
	Exclusive *int                   `json:"exclusive" jsonschema:"locks that shut everybody else out, held or waited for"`
	Prepared  *int                   `json:"prepared,omitempty" jsonschema:"transactions that may be prepared at once; left out where it does not say"`
	Sessions  List[ExportedSessions] `json:"sessions" jsonschema:"most first"`
	Limits    List[ExportedLimit]    `json:"limits" jsonschema:"connection limits of roles and databases"`
	Now       *DatabaseTraffic       `json:"now" jsonschema:"of late; null without history"`
	Baseline  *DatabaseTraffic       `json:"baseline" jsonschema:"the same before the onset; null without history"`
}

// ExportedSessions counts the sessions that are alike.
type ExportedSessions struct {
	Database    string   `json:"database"`
	User        string   `json:"user"`
	Application string   `json:"application"`
	State       string   `json:"state" jsonschema:"such as active, idle or idle in transaction"`
	Wait        string   `json:"wait" jsonschema:"type of event that they wait for; empty when they do not, or it is not said"`
	Count       int      `json:"count"`
	OldestS     *float64 `json:"oldest_s" jsonschema:"age of the oldest transaction among them, seconds"`
}

// ExportedLimit is the connection limit of a role or of a database.
type ExportedLimit struct {
	Role     string `json:"role,omitempty"`
	Database string `json:"database,omitempty"`
	Most     int    `json:"most"`
}

// ExportedPooler is what an exporter says of a pooler. What it does not say is
// null.
type ExportedPooler struct {
	Up       bool               `json:"up" jsonschema:"the exporter was let in"`
	Max      *int               `json:"max" jsonschema:"client connections that there may be"`
	Used     *int               `json:"used" jsonschema:"client connections that there are"`
	Pools    List[ExportedPool] `json:"pools" jsonschema:"most waiting first"`
	Now      *PoolerTraffic     `json:"now" jsonschema:"of late; null without history"`
	Baseline *PoolerTraffic     `json:"baseline" jsonschema:"the same before the onset; null without history"`
}

// ExportedPool is one pool of a pooler: a user on a database.
type ExportedPool struct {
	Database string   `json:"database"`
	User     string   `json:"user"`
	Size     *int     `json:"size" jsonschema:"server connections that it may have"`
	Waiting  int      `json:"waiting" jsonschema:"clients that wait for a server connection"`
	OldestS  *float64 `json:"oldest_s" jsonschema:"how long the first of them has waited, seconds"`
	Active   int      `json:"active" jsonschema:"server connections that a client holds"`
	Idle     int      `json:"idle" jsonschema:"server connections that are free"`
	Paused   bool     `json:"paused,omitzero" jsonschema:"paused or disabled"`
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
	QueriesRPS       *float64  `json:"queries_rps,omitempty" jsonschema:"queries finished per second"`
	ErrorRate        *float64  `json:"error_rate" jsonschema:"share of finished requests that failed, 0 to 1"`
	HoldS            *float64  `json:"hold_s" jsonschema:"mean time a connection was held, seconds"`
	QueryS           *float64  `json:"query_s" jsonschema:"mean time of a database query, seconds"`
	ServedS          *float64  `json:"served_s,omitempty" jsonschema:"mean time of the requests that were served, beside their wait for a connection; seconds"`
	FailedS          *float64  `json:"failed_s,omitempty" jsonschema:"mean time after which the requests failed that did, seconds"`
	AcquireP99S      *float64  `json:"acquire_p99_s" jsonschema:"99th percentile of the wait for a connection, seconds"`
	Acquired         *int      `json:"acquired" jsonschema:"connections in use"`
	Max              *int      `json:"max" jsonschema:"size of the pools"`
	Waiting          *int      `json:"waiting" jsonschema:"requests that wait for a connection; at the least, where a library counts only waits begun and the time of those that ended"`
	Timeouts         *int      `json:"timeouts" jsonschema:"waits for a connection that were given up in the window"`

	AcquireS *float64 `json:"acquire_s,omitempty" jsonschema:"mean wait for a connection, of the waits that the library counts: some count those only that found none free; seconds"`

	Opening  *int     `json:"opening,omitempty" jsonschema:"most connections that were being opened at once in the window"`
	ConnectS *float64 `json:"connect_s,omitempty" jsonschema:"mean time in which a connection was opened, seconds"`

	Errors List[ErrorClass] `json:"errors,omitempty" jsonschema:"what went wrong with the database in the window, and in the second before an onset, most first; left out where it is not counted"`
}

// ErrorClass is one kind of error of the database's client.
type ErrorClass struct {
	Class string `json:"class" jsonschema:"as the service names it, such as the SQLSTATE 53300"`
	Count int    `json:"count"`
}

// PoolReplica is the pool of one replica.
type PoolReplica struct {
	Name         string `json:"name"`
	Max          int    `json:"max"`
	Acquired     int    `json:"acquired"`
	Idle         int    `json:"idle"`
	Constructing int    `json:"constructing" jsonschema:"connections being opened"`
	Waiting      *int   `json:"waiting"`
	FilesOpen    *int   `json:"files_open,omitempty" jsonschema:"most files and sockets that its process had open at once of late; left out where it does not say"`
	FilesMax     *int   `json:"files_max,omitempty" jsonschema:"files and sockets that its process may open; left out where it does not say"`
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
	Samples   int       `json:"samples" least:"0" jsonschema:"number of scrapes"`
	Requests  int       `json:"requests" least:"0" jsonschema:"requests finished in the window"`
	ErrorRate *float64  `json:"error_rate" least:"0" most:"1" jsonschema:"share of finished requests that failed, 0 to 1"`
	P99S      *float64  `json:"p99_s" least:"0" jsonschema:"99th percentile of request time, seconds"`
	Waiting   *int      `json:"waiting" least:"0" jsonschema:"requests that wait for a connection"`
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
