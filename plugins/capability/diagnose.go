package capability

import (
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

// DiagnoseInput is the input of diagnose.connections: what the read actions
// returned, null for what could not be read. Pooler is left out where there is
// no pooler.
type DiagnoseInput struct {
	Pool     *PoolOutput        `json:"pool" jsonschema:"outputs of metrics.pool, or null"`
	Database *ConnectionsOutput `json:"database" jsonschema:"outputs of database.connections, or null"`
	Changes  *ChangesOutput     `json:"changes" jsonschema:"outputs of settings.changes, or null"`
	Pooler   *PoolerOutput      `json:"pooler,omitempty" jsonschema:"outputs of pooler.status, or null"`
	Reported []Change           `json:"reported,omitempty" jsonschema:"changes that others reported to firebreak, newest first; in a run it fills them in"`
}

// DiagnoseOutput is the output of diagnose.connections. It is a pure function
// of the input.
type DiagnoseOutput struct {
	Top          Finding          `json:"top" jsonschema:"the first finding, or cause unknown"`
	Findings     List[Finding]    `json:"findings" jsonschema:"most probable first"`
	Margin       float64          `json:"margin" jsonschema:"how far the confidence of top is above the next finding's"`
	Layer        *Layer           `json:"layer" jsonschema:"where connections run out; null when nowhere"`
	Saturated    *Saturation      `json:"saturated" jsonschema:"what is used up; null when nothing is"`
	NotSaturated List[Saturation] `json:"not_saturated" jsonschema:"what was looked at and has room"`
	Arithmetic   *Arithmetic      `json:"arithmetic" jsonschema:"demand and capacity by Little's law; null without figures of the pool"`
	Missing      List[string]     `json:"missing" jsonschema:"the inputs that were null"`
	AsOf         time.Time        `json:"as_of" jsonschema:"when the newest input was observed"`
}

// Finding is one cause, with what speaks for it.
type Finding struct {
	Rank       int            `json:"rank" jsonschema:"1 is the most probable; 0 when there is no finding"`
	Cause      Cause          `json:"cause"`
	Text       string         `json:"text" jsonschema:"what that means, in one sentence"`
	Layer      *Layer         `json:"layer" jsonschema:"where it is at work; null for unknown when nothing is used up"`
	Variant    *string        `json:"variant" jsonschema:"how it came about, such as config_change"`
	Confidence float64        `json:"confidence" jsonschema:"0 to 1; 0.9 and more only on two independent sources"`
	Change     *Change        `json:"change" jsonschema:"the change that brought it about"`
	Chain      List[string]   `json:"chain" jsonschema:"from the root to the symptom"`
	Evidence   List[Evidence] `json:"evidence"`
	RuledOut   List[RuledOut] `json:"ruled_out"`
	Actions    List[Remedy]   `json:"actions" jsonschema:"what helps, safest first"`
}

// Evidence is one observation, with how to repeat it by hand.
type Evidence struct {
	ID       string     `json:"id"`
	Source   string     `json:"source" jsonschema:"metrics, exporter, database, pooler or changes"`
	Query    string     `json:"query" jsonschema:"what a person runs to see the same"`
	Observed string     `json:"observed"`
	Expected string     `json:"expected"`
	At       *time.Time `json:"at"`
	Supports bool       `json:"supports" jsonschema:"false: it speaks against the cause"`
}

// RuledOut is a cause that it is not, and why.
type RuledOut struct {
	Cause   Cause  `json:"cause"`
	Because string `json:"because"`
}

// Remedy is something that helps against a cause.
type Remedy struct {
	ID         string       `json:"id" jsonschema:"what a runbook asks for in an if"`
	Kind       string       `json:"kind" jsonschema:"revert, shed, restart, cancel, terminate, scale or manual"`
	Action     *string      `json:"action" jsonschema:"the action of a runbook that does it; null: a person's work"`
	Target     string       `json:"target"`
	From       Scalar       `json:"from"`
	To         Scalar       `json:"to"`
	Risk       Risk         `json:"risk"`
	Reversible bool         `json:"reversible"`
	Approval   Approval     `json:"approval" jsonschema:"who must say yes"`
	Text       string       `json:"text"`
	Guards     List[string] `json:"guards" jsonschema:"what must hold before it is done"`
	Verify     List[string] `json:"verify" jsonschema:"what must hold afterwards, for half a minute and more"`
}

// Saturation is how much of something is used.
type Saturation struct {
	What string `json:"what"`
	Used int    `json:"used"`
	Max  int    `json:"max"`
}

// Arithmetic is Little's law on the pool: demand is first attempts times hold.
// What could not be computed is null.
type Arithmetic struct {
	OfferedRPS         *float64 `json:"offered_rps" jsonschema:"attempts per second, retries included"`
	FirstAttemptsRPS   *float64 `json:"first_attempts_rps" jsonschema:"attempts per second that are no retry"`
	HoldMS             *float64 `json:"hold_ms" jsonschema:"mean time a connection is held, milliseconds"`
	DemandConns        *float64 `json:"demand_conns" jsonschema:"connections that the demand needs"`
	CapacityConns      *int     `json:"capacity_conns" jsonschema:"connections that there are"`
	RetryAmplification *float64 `json:"retry_amplification" jsonschema:"attempts per first attempt"`
	PredictedDrainS    *float64 `json:"predicted_drain_s" jsonschema:"seconds until the queue is gone once the cause is; null when it is not known"`
	Reading            string   `json:"reading" jsonschema:"what the figures say, in one sentence"`
}

func diagnoseActions() []plugins.Action {
	return []plugins.Action{{
		Name: "diagnose.connections", Effect: plugins.Read,
		Input: input[DiagnoseInput](nil), Output: output[DiagnoseOutput](), Idempotent: true,
		Doc: "Ranks the causes of connection exhaustion from what was read of pool, database and changes.",
	}}
}
