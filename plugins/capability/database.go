package capability

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

// ConnectionsInput is the input of database.connections.
type ConnectionsInput struct {
	Rows    int  `json:"rows,omitzero" jsonschema:"most rows in any of the lists"`
	Refusal bool `json:"refusal,omitzero" jsonschema:"when our own login is turned away that is the answer: connect says how, and nothing else was read"`
}

func (ConnectionsInput) defaults() map[string]json.RawMessage {
	return map[string]json.RawMessage{"rows": json.RawMessage(`200`)}
}

// FrozenAfter is how long a session's state is unchanged when it counts as
// frozen.
const FrozenAfter = 2 * time.Second

// ConnectionsOutput is the output of database.connections: who holds the
// server's connection slots, and what they wait for.
type ConnectionsOutput struct {
	Observed
	Limits        Limits             `json:"limits"`
	Used          int                `json:"used" jsonschema:"slots in use by clients"`
	Free          int                `json:"free" jsonschema:"slots that an ordinary login can still get"`
	States        List[SessionState] `json:"states"`
	Clients       List[Client]       `json:"clients" jsonschema:"who holds the slots, most first"`
	Waits         List[Wait]         `json:"waits" jsonschema:"what active sessions wait for, most first"`
	Blocking      List[Blocking]     `json:"blocking" jsonschema:"sessions that block others or are blocked, roots first"`
	Prepared      List[PreparedXact] `json:"prepared" jsonschema:"prepared transactions, oldest first"`
	StartedAt     time.Time          `json:"started_at" jsonschema:"when the server started"`
	RowsPerCommit *float64           `json:"rows_per_commit" jsonschema:"rows read per commit of late; null without history"`
	Recovery      bool               `json:"recovery,omitzero" jsonschema:"the server is a standby, or not up yet"`
	ReadOnly      bool               `json:"read_only,omitzero" jsonschema:"it refuses to write"`
	Backends      Backends           `json:"backends,omitzero" jsonschema:"how old the sessions of the application are"`
	Running       List[Running]      `json:"running,omitempty" jsonschema:"what the active sessions run, most first"`
	Now           *DatabaseTraffic   `json:"now,omitempty" jsonschema:"of late; left out without history"`
	Baseline      *DatabaseTraffic   `json:"baseline,omitempty" jsonschema:"the usual of the older half of the last quarter of an hour: medians; left out without history"`
	XIDAge        int                `json:"xid_age,omitzero" jsonschema:"age of the database's oldest transaction id"`
	XIDLimit      int                `json:"xid_limit,omitzero" jsonschema:"age at which an autovacuum against wraparound begins"`
	Connect       Connect            `json:"connect" jsonschema:"how a fresh connection of the same login fared"`
	Unread        bool               `json:"unread,omitzero" jsonschema:"nothing but connect was read: our own login was turned away"`
}

// Limits are the server's limits on connections. Null: no limit.
type Limits struct {
	Max            int  `json:"max" jsonschema:"max_connections"`
	Reserved       int  `json:"reserved" jsonschema:"slots kept for pg_use_reserved_connections"`
	Superuser      int  `json:"superuser" jsonschema:"slots kept for superusers"`
	Role           *int `json:"role" jsonschema:"connection limit of the role that holds most slots"`
	Database       *int `json:"database" jsonschema:"connection limit of the database"`
	PendingRestart bool `json:"pending_restart" jsonschema:"a limit was changed and waits for a restart"`
}

// SessionState counts the sessions of the database in one state.
type SessionState struct {
	State   string  `json:"state" jsonschema:"such as active, idle or idle in transaction"`
	Count   int     `json:"count"`
	OldestS float64 `json:"oldest_s" jsonschema:"longest time unchanged, seconds; for idle in transaction the age of the transaction"`
	P50S    float64 `json:"p50_s" jsonschema:"median of the same, seconds"`
	Frozen  int     `json:"frozen" jsonschema:"how many have not changed state for more than 2 seconds"`

	YoungestS float64 `json:"youngest_s,omitzero" jsonschema:"shortest of the same, seconds"`
}

// YoungFor is how long a session counts as young.
const YoungFor = 5 * time.Second

// Backends says how long ago the sessions of the application were opened.
type Backends struct {
	Young   int     `json:"young" jsonschema:"opened in the last 5 seconds"`
	P50S    float64 `json:"p50_s" jsonschema:"median age, seconds"`
	OldestS float64 `json:"oldest_s" jsonschema:"seconds"`
}

// Running is one statement that sessions run now.
type Running struct {
	Kind    string  `json:"kind" jsonschema:"read, write, ddl, lock, autovacuum or other"`
	Query   string  `json:"query" jsonschema:"its beginning, literals removed"`
	Count   int     `json:"count" jsonschema:"active sessions that run it"`
	OldestS float64 `json:"oldest_s" jsonschema:"how long the longest has been at it, seconds"`
}

// DatabaseTraffic is what the database did between two instants, per second.
// What this version of the server does not count is null.
type DatabaseTraffic struct {
	From          time.Time `json:"from"`
	To            time.Time `json:"to"`
	CommitsRPS    float64   `json:"commits_rps"`
	RollbacksRPS  float64   `json:"rollbacks_rps"`
	SessionsRPS   *float64  `json:"sessions_rps" jsonschema:"sessions begun"`
	AbandonedRPS  *float64  `json:"abandoned_rps" jsonschema:"sessions whose client was lost"`
	RowsPerCommit *float64  `json:"rows_per_commit" jsonschema:"null where nothing was committed"`
	Sessions      *int      `json:"sessions,omitempty" jsonschema:"sessions of the application at the end"`
	Resting       *int      `json:"resting,omitempty" jsonschema:"of them, those that were idle"`
	Max           *int      `json:"max,omitempty" jsonschema:"max_connections at the end"`
}

// Client is one kind of holder of slots.
type Client struct {
	User        string `json:"user"`
	Application string `json:"application"`
	Address     string `json:"address" jsonschema:"host, or local"`
	Count       int    `json:"count"`
	Database    string `json:"database,omitempty"`
	Limit       *int   `json:"limit,omitempty" jsonschema:"connection limit of the role; left out where there is none"`
	Young       int    `json:"young,omitzero" jsonschema:"how many were opened in the last 5 seconds"`
	Frozen      int    `json:"frozen,omitzero" jsonschema:"how many have not changed state for more than 2 seconds"`
}

// Wait counts the active sessions that wait for one kind of event.
type Wait struct {
	Type  string `json:"type"`
	Event string `json:"event"`
	Count int    `json:"count"`
}

// Blocking is one session of the blocking tree. Pid and BackendStart together
// name it: pids are reused.
type Blocking struct {
	Pid          int       `json:"pid"`
	BackendStart time.Time `json:"backend_start"`
	State        string    `json:"state"`
	Kind         string    `json:"kind" jsonschema:"what it runs: read, write, ddl, lock, autovacuum or other"`
	Query        string    `json:"query" jsonschema:"beginning of its statement, literals removed"`
	XactAgeS     *float64  `json:"xact_age_s" jsonschema:"age of its transaction, seconds"`
	Blocks       int       `json:"blocks" jsonschema:"sessions behind it, directly or not"`
	BlockedBy    List[int] `json:"blocked_by" jsonschema:"pids in front of it; 0 is a prepared transaction"`
	User         string    `json:"user,omitempty"`
	Application  string    `json:"application,omitempty"`
	Address      string    `json:"address,omitempty" jsonschema:"host, or local"`
}

// PreparedXact is one prepared transaction.
type PreparedXact struct {
	GID   string  `json:"gid"`
	Owner string  `json:"owner"`
	AgeS  float64 `json:"age_s" jsonschema:"seconds since it was prepared"`

	Blocks int `json:"blocks,omitzero" jsonschema:"sessions that wait for one of its locks"`
}

// Connect says how opening a fresh connection fared.
type Connect struct {
	OK       bool    `json:"ok"`
	SQLState string  `json:"sqlstate" jsonschema:"such as 53300; empty when there is none"`
	Text     string  `json:"text" jsonschema:"the server's words, or the dialler's"`
	MS       float64 `json:"ms" jsonschema:"how long it took, milliseconds"`

	UsualMS *float64 `json:"usual_ms,omitempty" jsonschema:"how long the connection took that was kept open since, milliseconds; left out where there is none"`
}

func databaseActions() []plugins.Action {
	all := append(limitActions(), sessionActions()...)
	all = append(all, plugins.Action{
		Name: "database.connections", Effect: plugins.Read,
		Input: input[ConnectionsInput](nil), Output: output[ConnectionsOutput](), Idempotent: true,
		Doc: "Reads who holds the database's connections, in what state, and who blocks whom.",
	})
	slices.SortFunc(all, func(a, b plugins.Action) int { return strings.Compare(a.Name, b.Name) })
	return all
}
