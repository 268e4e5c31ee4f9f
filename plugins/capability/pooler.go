package capability

import (
	"encoding/json"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/plugins"
)

// PoolerInput is the input of pooler.status.
type PoolerInput struct {
	Rows int `json:"rows,omitzero" jsonschema:"most rows in any of the lists"`
}

func (PoolerInput) defaults() map[string]json.RawMessage {
	return map[string]json.RawMessage{"rows": json.RawMessage(`200`)}
}

// PoolerOutput is the output of pooler.status: who is connected to the
// connection pooler, what waits there, and what it holds of the server.
type PoolerOutput struct {
	Observed
	Version  string             `json:"version" jsonschema:"of the pooler"`
	Limits   PoolerLimits       `json:"limits"`
	Used     int                `json:"used" jsonschema:"client connections in use"`
	Free     int                `json:"free" jsonschema:"client connections that can still be opened"`
	Servers  int                `json:"servers" jsonschema:"connections that it holds to servers"`
	Pools    List[PoolerPool]   `json:"pools" jsonschema:"most waiting first"`
	Clients  List[PoolerClient] `json:"clients" jsonschema:"who is connected, most first"`
	Now      *PoolerTraffic     `json:"now" jsonschema:"of the last seconds; null without history"`
	Baseline *PoolerTraffic     `json:"baseline" jsonschema:"the same figures before the onset; null without history"`
	Onset    *time.Time         `json:"onset" jsonschema:"since when clients have been waiting; null while none do, or when it was before the history"`
}

// PoolerLimits are the limits that hold where a database or user has none of
// its own.
type PoolerLimits struct {
	Mode        string   `json:"mode" jsonschema:"session, transaction or statement"`
	MaxClients  int      `json:"max_clients" jsonschema:"client connections, all together"`
	PoolSize    int      `json:"pool_size" jsonschema:"server connections of each pool"`
	ReserveSize int      `json:"reserve_size" jsonschema:"server connections that a pool may open beyond its size"`
	MaxServers  *int     `json:"max_servers" jsonschema:"server connections of each database, all its pools together; null: no limit"`
	QueryWaitS  *float64 `json:"query_wait_s" jsonschema:"how long a client may wait for a server connection, seconds; null: for ever"`
}

// PoolerPool is one pool: a user on a database.
type PoolerPool struct {
	Database       string   `json:"database" jsonschema:"as clients name it"`
	User           string   `json:"user"`
	Server         string   `json:"server" jsonschema:"where it leads: host:port/database"`
	Mode           string   `json:"mode"`
	Size           int      `json:"size" jsonschema:"server connections that it may have"`
	Reserve        int      `json:"reserve" jsonschema:"and beyond those when clients wait long"`
	MaxServers     *int     `json:"max_servers" jsonschema:"limit of the database; null: none"`
	Active         int      `json:"active" jsonschema:"clients that hold a server connection, or want none"`
	Waiting        int      `json:"waiting" jsonschema:"clients that wait for one"`
	MaxWaitS       float64  `json:"max_wait_s" jsonschema:"how long the first of them has waited, seconds"`
	ServersActive  int      `json:"servers_active" jsonschema:"server connections that a client holds"`
	ServersIdle    int      `json:"servers_idle" jsonschema:"those that are free"`
	ServersOther   int      `json:"servers_other" jsonschema:"those being opened, tested or ended"`
	OldestRequestS *float64 `json:"oldest_request_s" jsonschema:"how long ago the quietest client that holds one last sent something, seconds; null when none holds one"`
	Paused         bool     `json:"paused"`
	Disabled       bool     `json:"disabled" jsonschema:"takes no new clients"`
}

// PoolerClient is one kind of client of a pooler.
type PoolerClient struct {
	User        string `json:"user"`
	Application string `json:"application" jsonschema:"empty where the pooler does not know it"`
	Address     string `json:"address" jsonschema:"host, or local"`
	Database    string `json:"database"`
	Count       int    `json:"count"`
	Waiting     int    `json:"waiting" jsonschema:"how many of them wait for a server connection"`
}

// PoolerTraffic sums up what passed through the pooler between two instants.
// A mean of nothing is null.
type PoolerTraffic struct {
	From            time.Time `json:"from"`
	To              time.Time `json:"to"`
	TransactionsRPS float64   `json:"transactions_rps" jsonschema:"per second"`
	QueriesRPS      float64   `json:"queries_rps" jsonschema:"per second"`
	TransactionS    *float64  `json:"transaction_s" jsonschema:"mean time that a transaction held its server connection, seconds"`
	QueryS          *float64  `json:"query_s" jsonschema:"mean time of a query on the server, seconds"`
	WaitS           *float64  `json:"wait_s" jsonschema:"mean wait of a transaction for its server connection, seconds"`
}

// PoolerLimit names a limit that pooler.resize changes.
type PoolerLimit string

// The limits, named as in [PoolerLimits].
const (
	PoolSize    PoolerLimit = "pool_size"
	ReserveSize PoolerLimit = "reserve_size"
	MaxClients  PoolerLimit = "max_clients"
	MaxServers  PoolerLimit = "max_servers"
)

// ResizeInput is the input of pooler.resize.
type ResizeInput struct {
	Limit PoolerLimit `json:"limit" target:"true"`
	Size  int         `json:"size"`
}

// ResizeOutput is the output of pooler.resize.
type ResizeOutput struct {
	Observed
	Limit PoolerLimit `json:"limit"`
	From  int         `json:"from"`
	To    int         `json:"to"`
}

// ResizeBinding is what a plan of pooler.resize binds. The fingerprint beside
// it covers the current value of that limit only.
type ResizeBinding struct {
	Resource string      `json:"resource"`
	Limit    PoolerLimit `json:"limit"`
	From     int         `json:"from"`
	To       int         `json:"to"`
}

// ResizeReceipt is the receipt of pooler.resize, which takes it and sets
// Before again.
type ResizeReceipt struct {
	Limit  PoolerLimit `json:"limit"`
	Before int         `json:"before"`
	After  int         `json:"after"`
}

// ReloadInput is the input of pooler.reload.
type ReloadInput struct{}

// ReloadOutput is the output of pooler.reload.
type ReloadOutput struct {
	Observed
	Changed List[ResizeReceipt] `json:"changed" jsonschema:"the limits that are others now"`
}

// PauseInput is the input of pooler.pause.
type PauseInput struct {
	Database    string   `json:"database" jsonschema:"as clients name it"`
	For         Duration `json:"for,omitzero" jsonschema:"how long at most: it ends by itself then, as it does when firebreak ends or is killed"`
	DrainWithin Duration `json:"drain_within,omitzero" jsonschema:"how long what is under way may take to end; otherwise nothing stays paused, and the call fails"`
}

func (PauseInput) defaults() map[string]json.RawMessage {
	return map[string]json.RawMessage{"for": json.RawMessage(`"30s"`), "drain_within": json.RawMessage(`"2s"`)}
}

// PauseOutput is the output of pooler.pause.
type PauseOutput struct {
	Observed
	Database string    `json:"database"`
	Until    time.Time `json:"until" jsonschema:"it ends by itself then"`
}

// PauseBinding is what a plan of pooler.pause binds.
type PauseBinding struct {
	Resource    string   `json:"resource"`
	Database    string   `json:"database"`
	For         Duration `json:"for"`
	DrainWithin Duration `json:"drain_within"`
}

// PauseReceipt is the receipt of pooler.pause, which pooler.resume takes.
type PauseReceipt struct {
	Database string    `json:"database"`
	Until    time.Time `json:"until,omitzero"`
}

// ResumeInput is the input of pooler.resume.
type ResumeInput struct {
	Database string `json:"database" jsonschema:"as clients name it"`
}

// ResumeOutput is the output of pooler.resume.
type ResumeOutput struct {
	Observed
	Database  string `json:"database"`
	WasPaused bool   `json:"was_paused" jsonschema:"false: there was nothing to end"`
}

func poolerActions() []plugins.Action {
	// A command that was under way when its caller was lost has been obeyed,
	// or never will be, by then.
	const settlesIn = time.Second
	return []plugins.Action{
		{
			Name: "pooler.pause", Effect: plugins.Mutate,
			Input: input[PauseInput](func(s *jsonschema.Schema) {
				s.Properties["database"].MinLength = new(1)
			}), Output: output[PauseOutput](),
			Undo: "pooler.resume", Probe: true, SettlesIn: settlesIn,
			Doc: "Has the clients of a database wait while their server connections are closed, until pooler.resume, for a time at most, and never longer than firebreak lives.",
		},
		{
			Name: "pooler.reload", Effect: plugins.Mutate,
			Input: input[ReloadInput](nil), Output: output[ReloadOutput](),
			Idempotent: true, SettlesIn: settlesIn, NoPrecondition: true,
			Doc: "Has the pooler read its configuration again, which ends what pooler.resize did unless it is written there.",
		},
		{
			Name: "pooler.resize", Effect: plugins.Mutate,
			Input: input[ResizeInput](func(s *jsonschema.Schema) {
				s.Properties["size"].Minimum = new(1.0)
			}), Output: output[ResizeOutput](),
			Undo: "pooler.resize", Idempotent: true, Probe: true, SettlesIn: settlesIn,
			Doc: "Sets one limit of the pooler at once, until it is restarted or reads its configuration again.",
		},
		{
			Name: "pooler.resume", Effect: plugins.Mutate,
			Input: input[ResumeInput](func(s *jsonschema.Schema) {
				s.Properties["database"].MinLength = new(1)
			}), Output: output[ResumeOutput](),
			Idempotent: true, SettlesIn: settlesIn, NoPrecondition: true,
			Doc: "Ends the pause of a database, whoever began it.",
		},
		{
			Name: "pooler.status", Effect: plugins.Read,
			Input: input[PoolerInput](nil), Output: output[PoolerOutput](), Idempotent: true,
			Doc: "Reads who waits at the connection pooler, for what, and which limit is used up.",
		},
	}
}
