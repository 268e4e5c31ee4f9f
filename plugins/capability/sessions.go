package capability

import (
	"encoding/json"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/plugins"
)

// SessionsInput is the input of database.cancel and database.terminate: which
// sessions, and how many at most. Every field that is given must hold of a
// session; one of Sessions, State and User must be given.
type SessionsInput struct {
	Sessions    []SessionRef `json:"sessions,omitempty" jsonschema:"these and no others, such as rows of blocking in the outputs of database.connections"`
	State       string       `json:"state,omitempty" jsonschema:"such as idle in transaction"`
	OlderThan   Duration     `json:"older_than,omitzero" jsonschema:"the state has lasted longer; for idle in transaction, the transaction; for active, the statement"`
	User        string       `json:"user,omitempty"`
	Application string       `json:"application,omitempty"`
	Address     string       `json:"address,omitempty" jsonschema:"host, or local"`
	Most        int          `json:"most,omitzero" jsonschema:"no more than so many, the oldest first"`
	Share       int          `json:"share,omitzero" jsonschema:"no more than this percentage of the database's sessions, rounded up"`
}

func (SessionsInput) defaults() map[string]json.RawMessage {
	return map[string]json.RawMessage{"most": json.RawMessage(`20`), "share": json.RawMessage(`20`)}
}

// SessionRef names one session: pids are used again.
type SessionRef struct {
	Pid          int       `json:"pid"`
	BackendStart time.Time `json:"backend_start"`
}

// SessionsOutput is the output of database.cancel and database.terminate.
type SessionsOutput struct {
	Observed
	Signalled int           `json:"signalled" jsonschema:"sessions that were told to end, or to give up their statement"`
	Gone      int           `json:"gone" jsonschema:"of those, how many did"`
	Left      int           `json:"left" jsonschema:"sessions that still are as the input says, beyond the most that it allows among them"`
	Sessions  List[Session] `json:"sessions" jsonschema:"those that were signalled, oldest first"`
}

// Session is one session as it was when it was signalled.
type Session struct {
	SessionRef
	User        string   `json:"user"`
	Application string   `json:"application"`
	Address     string   `json:"address" jsonschema:"host, or local"`
	State       string   `json:"state"`
	Query       string   `json:"query" jsonschema:"beginning of its statement, literals removed"`
	StateAgeS   float64  `json:"state_age_s" jsonschema:"seconds"`
	XactAgeS    *float64 `json:"xact_age_s" jsonschema:"age of its transaction, seconds"`
	Gone        bool     `json:"gone" jsonschema:"it ended, or gave up its statement, while that was waited for"`
}

// SessionsBinding is what a plan of database.cancel or database.terminate
// binds: an envelope, since sessions come and go. Which they are now is in
// the plan's detail.
type SessionsBinding struct {
	Resource string        `json:"resource"`
	Action   string        `json:"action"`
	Of       SessionsInput `json:"of"`
}

// SessionsReceipt is the receipt of database.cancel and database.terminate:
// nothing takes it; it says what was done.
type SessionsReceipt struct {
	Sessions List[Session] `json:"sessions"`
}

func sessionActions() []plugins.Action {
	action := func(name, doc string) plugins.Action {
		return plugins.Action{
			Name: name, Effect: plugins.Mutate,
			Input: input[SessionsInput](func(s *jsonschema.Schema) {
				s.Properties["sessions"].MinItems = new(1)
				s.AnyOf = oneOf("sessions", "state", "user")
				s.Properties["most"].Minimum = new(1.0)
				s.Properties["share"].Minimum, s.Properties["share"].Maximum = new(1.0), new(100.0)
			}), Output: output[SessionsOutput](),
			// Each session is looked at once more as it is signalled; there
			// is nothing else that could drift, since they come and go.
			Probe: true, SettlesIn: time.Second, NoPrecondition: true, Doc: doc,
		}
	}
	return []plugins.Action{
		action("database.cancel", "Has sessions give up the statement that they run; they stay connected."),
		action("database.terminate", "Ends sessions; what they had not committed is rolled back."),
	}
}
