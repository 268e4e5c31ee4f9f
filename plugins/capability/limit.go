package capability

import (
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/plugins"
)

// LimitInput is the input of database.limit: one of Role and Database.
type LimitInput struct {
	Role     string `json:"role,omitempty" jsonschema:"limit this role" target:"true"`
	Database string `json:"database,omitempty" jsonschema:"limit this database" target:"true"`
	Limit    *int   `json:"limit" jsonschema:"connections that it may have; null: no limit of its own"`
}

// LimitOutput is the output of database.limit.
type LimitOutput struct {
	Observed
	Role     string `json:"role" jsonschema:"empty when a database was limited"`
	Database string `json:"database" jsonschema:"empty when a role was limited"`
	From     *int   `json:"from" jsonschema:"null: there was no limit"`
	To       *int   `json:"to"`
	Open     int    `json:"open" jsonschema:"connections that it has; a limit ends none of them"`
}

// LimitBinding is what a plan of database.limit binds. The fingerprint beside
// it covers that one limit.
type LimitBinding struct {
	Resource string `json:"resource"`
	Role     string `json:"role"`
	Database string `json:"database"`
	From     *int   `json:"from"`
	To       *int   `json:"to"`
}

// LimitReceipt is the receipt of database.limit, which takes it and sets
// Before again.
type LimitReceipt struct {
	Role     string `json:"role"`
	Database string `json:"database"`
	Before   *int   `json:"before"`
	After    *int   `json:"after"`
}

// ConfigureInput is the input of database.configure.
type ConfigureInput struct {
	Setting string `json:"setting" jsonschema:"such as idle_in_transaction_session_timeout" target:"true"`
	Value   Scalar `json:"value" jsonschema:"as the server reads it, such as 60s; null takes away what was set, so that what is behind it holds"`
	Role    string `json:"role,omitempty" jsonschema:"for new sessions of this role only; for the whole server if left out" target:"true"`
}

// ConfigureOutput is the output of database.configure.
type ConfigureOutput struct {
	Observed
	Setting        string `json:"setting"`
	Role           string `json:"role" jsonschema:"empty: the whole server"`
	From           Scalar `json:"from" jsonschema:"what was set there; null: nothing"`
	To             Scalar `json:"to"`
	Live           bool   `json:"live" jsonschema:"the server runs it; of a role: its new sessions do"`
	PendingRestart bool   `json:"pending_restart" jsonschema:"it holds once the server is restarted, and not before"`
}

// ConfigureBinding is what a plan of database.configure binds. The
// fingerprint beside it covers what is set there.
type ConfigureBinding struct {
	Resource string `json:"resource"`
	Setting  string `json:"setting"`
	Role     string `json:"role"`
	From     Scalar `json:"from"`
	To       Scalar `json:"to"`
}

// ConfigureReceipt is the receipt of database.configure, which takes it and
// sets Before again.
type ConfigureReceipt struct {
	Setting string `json:"setting"`
	Role    string `json:"role"`
	Before  Scalar `json:"before"`
	After   Scalar `json:"after"`
}

func limitActions() []plugins.Action {
	const settlesIn = time.Second
	return []plugins.Action{
		{
			Name: "database.configure", Effect: plugins.Mutate,
			Input: input[ConfigureInput](nil), Output: output[ConfigureOutput](),
			Undo: "database.configure", Idempotent: true, Probe: true, SettlesIn: settlesIn,
			Doc: "Sets one setting of the database server, and says whether it takes a restart.",
		},
		{
			Name: "database.limit", Effect: plugins.Mutate,
			Input: input[LimitInput](func(s *jsonschema.Schema) {
				s.Properties["limit"].Minimum = new(0.0)
				s.AnyOf = oneOf("role", "database")
			}), Output: output[LimitOutput](),
			Undo: "database.limit", Idempotent: true, Probe: true, SettlesIn: settlesIn,
			Doc: "Limits the connections of one role or one database; those that are open stay.",
		},
	}
}
