package capability

import (
	"encoding/json"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/plugins"
)

// StatusInput is the input of workload.status.
type StatusInput struct{}

// StatusOutput is the output of workload.status.
type StatusOutput struct {
	Observed
	Desired  int           `json:"desired" jsonschema:"replicas that should run"`
	Ready    int           `json:"ready"`
	Replicas List[Replica] `json:"replicas"`
}

// Replica is one running copy of the service.
type Replica struct {
	Name      string    `json:"name"`
	Version   string    `json:"version" jsonschema:"empty when not known"`
	StartedAt time.Time `json:"started_at"`
	Ready     bool      `json:"ready"`
	Reason    *string   `json:"reason" jsonschema:"why it is not ready"`
}

// RestartInput is the input of workload.restart.
type RestartInput struct {
	Waves       []Wave   `json:"waves,omitempty" jsonschema:"cumulative counts or shares of the replicas at the start"`
	ReadyWithin Duration `json:"ready_within,omitzero" jsonschema:"how long each wave has to become ready"`
}

func (RestartInput) defaults() map[string]json.RawMessage {
	return map[string]json.RawMessage{
		"waves":        json.RawMessage(`[1,"25%","100%"]`),
		"ready_within": json.RawMessage(`"30s"`),
	}
}

// RestartOutput is the output of workload.restart. The next wave begins only
// when all replicas are ready; empty waves are dropped.
type RestartOutput struct {
	Observed
	Waves List[RestartedWave] `json:"waves"`
}

// RestartedWave is one wave that was restarted and became ready.
type RestartedWave struct {
	Replicas List[string] `json:"replicas"`
	From     time.Time    `json:"from"`
	To       time.Time    `json:"to"`
}

// RestartReceipt is the receipt of workload.restart: nothing takes it, since
// a restart cannot be undone; it says what was done.
type RestartReceipt struct {
	Replicas List[RestartedReplica] `json:"replicas"`
}

// RestartedReplica says when a replica had started before and after.
type RestartedReplica struct {
	Name string    `json:"name"`
	Was  time.Time `json:"was"`
	Is   time.Time `json:"is"`
}

func workloadActions() []plugins.Action {
	return []plugins.Action{
		{
			Name: "workload.restart", Effect: plugins.Mutate,
			Input: input[RestartInput](func(s *jsonschema.Schema) {
				s.Properties["waves"].MinItems = new(1)
			}), Output: output[RestartOutput](),
			// Signals that were sent may still take their replicas down.
			Probe: true, SettlesIn: 5 * time.Second,
			Doc: "Restarts every replica in waves, the next one only when all before are ready.",
		},
		{
			Name: "workload.status", Effect: plugins.Read,
			Input: input[StatusInput](nil), Output: output[StatusOutput](), Idempotent: true,
			Doc: "Lists the service's replicas.",
		},
	}
}
