package capability

import (
	"encoding/json"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/plugins"
)

// Change is one change of one setting. Before or After is null where the
// setting was not there.
type Change struct {
	ID       string    `json:"id" jsonschema:"names this change and no other"`
	Setting  string    `json:"setting" jsonschema:"such as db.pool.max"`
	Before   Scalar    `json:"before"`
	After    Scalar    `json:"after"`
	At       time.Time `json:"at"`
	Author   string    `json:"author"`
	Title    string    `json:"title"`
	Revision string    `json:"revision"`
	Reporter string    `json:"reporter,omitempty" jsonschema:"who reported it to firebreak; left out where the settings themselves show it"`
	Kind     string    `json:"kind,omitempty" jsonschema:"of one that was reported: deploy, flag, config or other"`
}

// ChangesInput is the input of settings.changes.
type ChangesInput struct {
	Since   Duration `json:"since,omitzero" jsonschema:"how far back"`
	Setting string   `json:"setting,omitempty" jsonschema:"only changes of this setting"`
	Limit   int      `json:"limit,omitzero" jsonschema:"most changes returned"`
}

func (ChangesInput) defaults() map[string]json.RawMessage {
	return map[string]json.RawMessage{"since": json.RawMessage(`"2h"`), "limit": json.RawMessage(`50`)}
}

// ChangesOutput is the output of settings.changes: one row per revision and
// setting, newest first.
type ChangesOutput struct {
	Observed
	Head    string       `json:"head" jsonschema:"the newest revision"`
	Changes List[Change] `json:"changes"`
}

// CurrentInput is the input of settings.current.
type CurrentInput struct {
	Setting string `json:"setting"`
}

// CurrentOutput is the output of settings.current.
type CurrentOutput struct {
	Observed
	Setting  string `json:"setting"`
	Value    Scalar `json:"value" jsonschema:"null when the setting is not there"`
	Revision string `json:"revision"`
}

// ApplyInput is the input of settings.apply.
type ApplyInput struct {
	Setting    string   `json:"setting" target:"true"`
	Value      Scalar   `json:"value"`
	LiveWithin Duration `json:"live_within,omitzero" jsonschema:"how long to wait until the service runs the value; not at all if left out, but 10s for each wave of replicas that have settings of their own"`
	Waves      []Wave   `json:"waves,omitempty" jsonschema:"cumulative counts or shares of the replicas, where each has settings of its own; 1, 25%, 100% if left out. Those that run the value already are done and count"`
	AllAtOnce  string   `json:"all_at_once,omitempty" jsonschema:"why all of several replicas may take it at once, which is refused otherwise where replicas have settings of their own"`
}

// RollbackInput is the input of settings.rollback.
type RollbackInput struct {
	Change     Change   `json:"change" jsonschema:"the change whose value before is written back"`
	LiveWithin Duration `json:"live_within,omitzero" jsonschema:"how long to wait until the service runs the value; not at all if left out, but 10s for each wave of replicas that have settings of their own"`
	Waves      []Wave   `json:"waves,omitempty" jsonschema:"cumulative counts or shares of the replicas, where each has settings of its own; 1, 25%, 100% if left out. Those that run the value already are done and count"`
	AllAtOnce  string   `json:"all_at_once,omitempty" jsonschema:"why all of several replicas may take it at once, which is refused otherwise where replicas have settings of their own"`
}

// ApplyOutput is the output of settings.apply and settings.rollback.
type ApplyOutput struct {
	Observed
	Setting  string `json:"setting"`
	From     Scalar `json:"from"`
	To       Scalar `json:"to"`
	Revision string `json:"revision" jsonschema:"the revision that holds the new value"`
	Live     bool   `json:"live" jsonschema:"the service was seen to run the new value"`
}

// SettingsBinding is what a plan of settings.apply or settings.rollback binds.
// The fingerprint beside it covers the current value of that setting only.
type SettingsBinding struct {
	Resource string  `json:"resource"`
	Setting  string  `json:"setting"`
	From     *Scalar `json:"from,omitempty"` // nil where replicas have settings of their own, and a step may find that all it was to change run To already
	To       Scalar  `json:"to"`
}

// SettingsReceipt is the receipt of settings.apply and settings.rollback.
// settings.apply takes it, and writes Before back.
type SettingsReceipt struct {
	Setting  string   `json:"setting"`
	Before   Scalar   `json:"before"`
	After    Scalar   `json:"after"`
	Revision string   `json:"revision"`
	Replicas []string `json:"replicas,omitempty" jsonschema:"which were changed, where each has settings of its own"`
}

// inWaves are the limits of an input that has waves.
func inWaves(s *jsonschema.Schema) {
	s.Properties["waves"].MinItems = new(1)
	s.Properties["all_at_once"].MinLength = new(1)
}

func settingsActions() []plugins.Action {
	// A write that was under way when its caller was lost has landed, or
	// never will, by then.
	const settlesIn = time.Second
	return []plugins.Action{
		{
			Name: "settings.apply", Effect: plugins.Mutate,
			Input: input[ApplyInput](func(s *jsonschema.Schema) {
				// Null would mean to remove the setting, which apply does
				// only to undo.
				s.Properties["value"].Types = []string{"boolean", "number", "string"}
				inWaves(s)
			}), Output: output[ApplyOutput](),
			Undo: "settings.apply", Idempotent: true, Probe: true, SettlesIn: settlesIn,
			Doc: "Writes one setting.",
		},
		{
			Name: "settings.changes", Effect: plugins.Read,
			Input: input[ChangesInput](nil), Output: output[ChangesOutput](), Idempotent: true,
			Doc: "Lists what was changed of late, newest first.",
		},
		{
			Name: "settings.current", Effect: plugins.Read,
			Input: input[CurrentInput](nil), Output: output[CurrentOutput](), Idempotent: true,
			Doc: "Reads one setting.",
		},
		{
			Name: "settings.rollback", Effect: plugins.Mutate,
			Input: input[RollbackInput](inWaves), Output: output[ApplyOutput](),
			Undo: "settings.apply", Idempotent: true, Probe: true, SettlesIn: settlesIn,
			Doc: "Writes back the value that one setting had before one change.",
		},
	}
}
