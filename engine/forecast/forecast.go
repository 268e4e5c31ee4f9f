package forecast

import (
	"encoding/json"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Forecast is what a run would do, as far as that is known.
type Forecast struct {
	Runbook     string      `json:"runbook"`
	Title       string      `json:"title,omitempty"`
	Service     string      `json:"service,omitempty"`
	Environment string      `json:"environment,omitempty"`
	Word        engine.Word `json:"word,omitempty"` // how it would end, where it ends without a change

	Failure *engine.RunFailure `json:"failure,omitempty"` // what failed while it was looked at

	Steps     []*Step `json:"steps"`
	Undos     []*Undo `json:"undos,omitempty"` // in trouble after the last change, in their order
	OnFailure []*Step `json:"on_failure,omitempty"`
	Finally   []*Step `json:"finally,omitempty"`

	Returns []Return `json:"returns,omitempty"` // its outputs, by name, where its main part goes well

	Touches []Touch  `json:"touches,omitempty"` // what all changes of the steps touch, summed by unit
	Locks   []string `json:"locks,omitempty"`   // identities that the run would have for itself
	Cost    Costs    `json:"cost"`
}

// Return is an output of a run.
type Return struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value,omitempty"` // as far as it is known
	Needs []string        `json:"needs,omitempty"` // names that it reads, and nobody knows yet
}

// Happens says whether a step would be done.
type Happens string

// Whether a step would be done.
const (
	Done    Happens = "done"    // it is over: it was read now, for real
	Would   Happens = "would"   // it would be done
	Depends Happens = "depends" // that depends on what is not known yet
	Skipped Happens = "skipped" // it would not be done
)

// Step is one step, or a group of steps, and what would become of it.
type Step struct {
	Path    string       `json:"path"`
	ID      string       `json:"id,omitempty"`
	Kind    runbook.Kind `json:"kind"`
	Uses    string       `json:"uses,omitempty"`
	Mutates bool         `json:"mutates,omitempty"`

	Happens Happens         `json:"happens"`
	Why     string          `json:"why,omitempty"` // it is skipped
	If      *Condition      `json:"if,omitempty"`
	Failure *engine.Failure `json:"failure,omitempty"` // it would fail, or its plan was refused
	Outputs json.RawMessage `json:"outputs,omitempty"` // of what is done
	Seconds Seconds         `json:"seconds,omitempty"` // that it took, where it is done

	Input   json.RawMessage `json:"input,omitempty"`
	Needs   []string        `json:"needs,omitempty"` // names that its input or text reads, and nobody knows yet
	Text    string          `json:"text,omitempty"`  // of notify, fail and ask
	To      string          `json:"to,omitempty"`    // of notify
	Value   string          `json:"value,omitempty"` // of ask: the type of what is asked for
	Set     []string        `json:"set,omitempty"`   // names of variables
	Call    string          `json:"call,omitempty"`  // the runbook that it calls
	Each    *Each           `json:"foreach,omitempty"`
	Item    json.RawMessage `json:"item,omitempty"` // of a foreach, of the group of one item
	Wait    *Watch          `json:"wait,omitempty"`
	Gate    *Gate           `json:"gate,omitempty"` // or who is asked for a value
	Guard   *Guard          `json:"guard,omitempty"`
	Plan    *Plan           `json:"plan,omitempty"`
	Undo    *Undo           `json:"undo,omitempty"`
	Verify  *Watch          `json:"verify,omitempty"`
	Retries int             `json:"retries,omitempty"` // how often it is tried again, at most
	Cost    Cost            `json:"cost"`
	Steps   []*Step         `json:"steps,omitempty"`

	step *runbook.Step
}

// Each is how a foreach goes through its list. Where that is not known, the
// step holds one item, of which there may be any number.
type Each struct {
	Items       *int     `json:"items,omitempty"` // nil: it is not known how many
	Needs       []string `json:"needs,omitempty"`
	Concurrency int      `json:"concurrency"`
	MaxFailures int      `json:"max_failures,omitempty"`
}

// Condition is an `if`, with what it read.
type Condition struct {
	Text  string         `json:"text"`
	Reads map[string]any `json:"reads,omitempty"` // values by name
	Needs []string       `json:"needs,omitempty"` // names that nobody knows yet
}

// Plan is what the plugin says that a change would do.
type Plan struct {
	Binding  json.RawMessage `json:"binding,omitempty"`
	Detail   string          `json:"detail,omitempty"`
	Unit     string          `json:"unit,omitempty"`
	Affected int             `json:"affected"`
	Total    int             `json:"total,omitempty"`
	Served   string          `json:"served,omitempty"`

	Behind []string `json:"behind,omitempty"` // changes before it of the same target: the plan is of the target as it is now

	NoPrecondition bool `json:"no_precondition,omitempty"` // nothing can check that the target is still the same when it acts

	receipt json.RawMessage
}

// Gate is who would be asked, in their order, and what silence means.
type Gate struct {
	Roles    []Role  `json:"roles"`
	Quorum   int     `json:"quorum,omitempty"`
	OnExpiry string  `json:"on_expiry"`
	ValidFor Seconds `json:"valid_for_seconds,omitempty"`
	Self     bool    `json:"self"` // whoever started the run may answer
}

// Role is a role that would be asked, and whom it holds.
type Role struct {
	Role       string   `json:"role"`
	For        Seconds  `json:"for_seconds"`
	People     []string `json:"people"`
	BreakGlass bool     `json:"break_glass,omitempty"`
}

// Guard is what must hold right before a change.
type Guard struct {
	Uses    string          `json:"uses"`
	That    string          `json:"that"`
	Input   json.RawMessage `json:"input,omitempty"`
	Needs   []string        `json:"needs,omitempty"`
	Now     *bool           `json:"now,omitempty"` // whether it holds now; nil: that is not known
	Failure string          `json:"failure,omitempty"`
}

// Watch is what a verify or a wait would read, and until when.
type Watch struct {
	None    string          `json:"none,omitempty"` // why there is no verify
	Owner   string          `json:"owner,omitempty"`
	LastDay string          `json:"last_day,omitempty"`
	Uses    string          `json:"uses,omitempty"`
	Input   json.RawMessage `json:"input,omitempty"`
	Needs   []string        `json:"needs,omitempty"`
	Until   string          `json:"until,omitempty"`
	For     Seconds         `json:"for_seconds,omitempty"`
	Within  Seconds         `json:"within_seconds,omitempty"`
	Every   Seconds         `json:"every_seconds,omitempty"`
	OnFail  string          `json:"on_fail,omitempty"`
}

// Undo is how a change would be taken back.
type Undo struct {
	Path    string          `json:"path"` // of the step that it undoes
	Uses    string          `json:"uses,omitempty"`
	None    string          `json:"none,omitempty"`    // why it cannot be
	Input   json.RawMessage `json:"input,omitempty"`   // what the runbook gives it
	Receipt json.RawMessage `json:"receipt,omitempty"` // what it is given where the runbook says nothing, as the plan has it
	Needs   []string        `json:"needs,omitempty"`
}

// Touch is how much the changes of a run touch, of one unit.
type Touch struct {
	Unit     string `json:"unit"`
	Affected int    `json:"affected"`
}

// Cost is how long something may take at most.
type Cost struct {
	Machine Seconds  `json:"machine_seconds"`
	People  Seconds  `json:"people_seconds"`
	NoLimit []string `json:"no_limit,omitempty"` // for what there is none
}

// Costs are those of the parts of a run.
type Costs struct {
	Steps   Cost `json:"steps"`
	Trouble Cost `json:"trouble"` // undoing all of it, and on_failure
	Finally Cost `json:"finally"`
	Total   Cost `json:"total"` // trouble at the last moment
}

// Seconds is a time that JSON writes as a number of seconds.
type Seconds time.Duration

// MarshalJSON implements [json.Marshaler].
func (s Seconds) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(s).Seconds()) }
