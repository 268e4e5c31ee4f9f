package capability

import (
	"encoding/json"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

// BacklogInput is the input of backlog.status.
type BacklogInput struct{}

// BacklogOutput is the output of backlog.status, all replicas together.
type BacklogOutput struct {
	Observed
	Waiting  int      `json:"waiting" least:"0"`
	OldestS  *float64 `json:"oldest_s" least:"0" jsonschema:"how long the oldest has waited, seconds; null when none waits"`
	Shedding bool     `json:"shedding" jsonschema:"new requests are being refused somewhere"`
}

// ShedInput is the input of backlog.shed.
type ShedInput struct {
	OlderThan Duration `json:"older_than,omitzero" jsonschema:"cancel only what has waited longer; everything if left out"`
	For       Duration `json:"for,omitzero" jsonschema:"how long to refuse new requests; one acquire timeout is right"`
}

func (ShedInput) defaults() map[string]json.RawMessage {
	return map[string]json.RawMessage{"for": json.RawMessage(`"3s"`)}
}

// ShedOutput is the output of backlog.shed.
type ShedOutput struct {
	Observed
	Cancelled int       `json:"cancelled" jsonschema:"waiting requests that were cancelled"`
	Refused   int       `json:"refused" jsonschema:"new requests refused so far"`
	Until     time.Time `json:"until" jsonschema:"when new requests are let in again"`
}

func backlogActions() []plugins.Action {
	return []plugins.Action{
		{
			Name: "backlog.shed", Effect: plugins.Mutate,
			Input: input[ShedInput](nil), Output: output[ShedOutput](),
			// Shedding again serves the same purpose: what waits is of no
			// use to anybody any more.
			Idempotent: true, SettlesIn: 3 * time.Second, NoPrecondition: true,
			Doc: "Cancels the requests that wait, and refuses new ones for a moment.",
		},
		{
			Name: "backlog.status", Effect: plugins.Read,
			Input: input[BacklogInput](nil), Output: output[BacklogOutput](), Idempotent: true,
			Doc: "Reads how many requests wait, and for how long.",
		},
	}
}
