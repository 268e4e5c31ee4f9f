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
	Desired  int           `json:"desired" least:"0" jsonschema:"replicas that should run"`
	Ready    int           `json:"ready" least:"0"`
	Replicas List[Replica] `json:"replicas"`
	Rollout  RolloutState  `json:"rollout,omitzero" jsonschema:"of the newest version, where something rolls versions out"`
}

// RolloutState is how far the newest version of a service has come.
type RolloutState struct {
	Revision  string         `json:"revision" jsonschema:"the newest one"`
	Complete  bool           `json:"complete" jsonschema:"every replica is of it, and ready"`
	Stuck     Stuck          `json:"stuck,omitempty" jsonschema:"why it does not go on; left out while it does"`
	Reason    string         `json:"reason,omitempty" jsonschema:"the same for people"`
	Revisions List[Revision] `json:"revisions" jsonschema:"what workload.rollback can name, newest first"`
}

// Revision is one version of a service that can be rolled back to.
type Revision struct {
	Name     string       `json:"name"`
	At       time.Time    `json:"at" jsonschema:"when it was first made"`
	Images   List[string] `json:"images"`
	Ready    int          `json:"ready" jsonschema:"replicas of it that are ready now"`
	LastGood bool         `json:"last_good" jsonschema:"it is what workload.rollback takes when none is named"`
}

// Stuck is why a rollout does not go on.
type Stuck string

// What keeps a rollout from going on.
const (
	StuckImagePull     Stuck = "image_pull"
	StuckCrashLoop     Stuck = "crash_loop"
	StuckUnschedulable Stuck = "unschedulable"
	StuckQuota         Stuck = "quota"
	StuckProbe         Stuck = "probe"
	StuckConfig        Stuck = "config"
	StuckDeadline      Stuck = "deadline"
)

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
	Waves       []Wave    `json:"waves,omitempty" jsonschema:"cumulative counts or shares of the replicas at the start"`
	ReadyWithin Duration  `json:"ready_within,omitzero" jsonschema:"how long each wave has to become ready"`
	Since       time.Time `json:"since,omitzero" jsonschema:"replicas that have started since then are done and count, such as ${{ run.started_at }}; so that one step restarts the first of them and, after a look, another the rest"`
	Started     time.Time `json:"started_since,omitzero" jsonschema:"only replicas that have started since then, such as ${{ run.started_at }}: those that took what has been put back"`
	Strategy    Strategy  `json:"strategy,omitempty" jsonschema:"waves, or rollout: what runs the service replaces all replicas in the way that its own strategy says, which may start new ones before it ends old ones and takes no look in between; waves, since and started_since have no meaning then, and ready_within is how long it may make no progress"`
	AllAtOnce   string    `json:"all_at_once,omitempty" jsonschema:"why all of several replicas may be missing at once, which is refused otherwise"`
}

// Strategy is how replicas are restarted.
type Strategy string

// The strategies of workload.restart.
const (
	InWaves Strategy = "waves"
	Rollout Strategy = "rollout"
)

func (RestartInput) defaults() map[string]json.RawMessage {
	return map[string]json.RawMessage{
		"strategy":     json.RawMessage(`"waves"`),
		"waves":        json.RawMessage(`[1,"25%","100%"]`),
		"ready_within": json.RawMessage(`"30s"`),
	}
}

// Nothing says why no replica is left to restart, as a line of a plan.
func (in RestartInput) Nothing() string {
	if !in.Started.IsZero() {
		return "none has started since " + in.Started.Format(time.RFC3339) + ": nothing to restart\n"
	}
	return "as many have started since " + in.Since.Format(time.RFC3339) + " already: nothing to restart\n"
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
	Name     string    `json:"name"`
	Was      time.Time `json:"was"`
	Is       time.Time `json:"is"`
	Replaced string    `json:"replaced,omitempty" jsonschema:"its name before, where a restart gives it another"`
}

// RevertInput is the input of workload.rollback.
type RevertInput struct {
	Revision    string   `json:"revision,omitempty" jsonschema:"the one to go back to; the last good one if left out"`
	ReadyWithin Duration `json:"ready_within,omitzero" jsonschema:"how long to wait until every replica is of it and ready; not at all if 0s"`
	AllAtOnce   string   `json:"all_at_once,omitempty" jsonschema:"why all of several replicas may be missing at once, which is refused otherwise"`
}

func (RevertInput) defaults() map[string]json.RawMessage {
	return map[string]json.RawMessage{"ready_within": json.RawMessage(`"2m"`)}
}

// RevertOutput is the output of workload.rollback.
type RevertOutput struct {
	Observed
	From     string `json:"from" jsonschema:"the revision that was left"`
	To       string `json:"to" jsonschema:"the revision that was gone back to, as it was named then"`
	Revision string `json:"revision" jsonschema:"the newest revision now"`
	Complete bool   `json:"complete" jsonschema:"every replica was seen to be of it, and ready"`
}

// RevertReceipt is the receipt of workload.rollback, which takes it and goes
// back to Before. Both name a version for good, whatever its revision is then.
type RevertReceipt struct {
	Before string `json:"before"`
	After  string `json:"after"`
}

// ScaleInput is the input of workload.scale.
type ScaleInput struct {
	Replicas    int      `json:"replicas" jsonschema:"how many there are to be, within the limits of the service"`
	ReadyWithin Duration `json:"ready_within,omitzero" jsonschema:"how long to wait until as many are ready; not at all if 0s"`
}

func (ScaleInput) defaults() map[string]json.RawMessage {
	return map[string]json.RawMessage{"ready_within": json.RawMessage(`"1m"`)}
}

// ScaleOutput is the output of workload.scale.
type ScaleOutput struct {
	Observed
	From  int `json:"from"`
	To    int `json:"to"`
	Ready int `json:"ready" jsonschema:"replicas that were ready at the end"`
}

// ScaleReceipt is the receipt of workload.scale, which takes it and goes back
// to Before.
type ScaleReceipt struct {
	Before int `json:"before"`
	After  int `json:"after"`
}

func workloadActions() []plugins.Action {
	return []plugins.Action{
		{
			Name: "workload.restart", Effect: plugins.Mutate,
			Input: input[RestartInput](inWaves), Output: output[RestartOutput](),
			// Signals that were sent may still take their replicas down.
			Probe: true, SettlesIn: 5 * time.Second,
			Doc: "Restarts every replica in waves, the next one only when all before are ready; or as a rollout, where that is asked for.",
		},
		{
			Name: "workload.rollback", Effect: plugins.Mutate,
			Input: input[RevertInput](func(s *jsonschema.Schema) {
				s.Properties["all_at_once"].MinLength = new(1)
			}), Output: output[RevertOutput](),
			Undo: "workload.rollback", Idempotent: true, Probe: true, SettlesIn: 5 * time.Second,
			Doc: "Goes back to an earlier version of the service.",
		},
		{
			Name: "workload.scale", Effect: plugins.Mutate,
			Input: input[ScaleInput](func(s *jsonschema.Schema) {
				s.Properties["replicas"].Minimum = new(1.0)
				s.Extra = map[string]any{"x-target": true}
			}), Output: output[ScaleOutput](),
			Undo: "workload.scale", Idempotent: true, Probe: true, SettlesIn: 5 * time.Second,
			Doc: "Changes the number of replicas, within the limits of the service.",
		},
		{
			Name: "workload.status", Effect: plugins.Read,
			Input: input[StatusInput](nil), Output: output[StatusOutput](), Idempotent: true,
			Doc: "Lists the service's replicas.",
		},
	}
}
