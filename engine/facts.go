package engine

import (
	"encoding/json"
	"maps"

	"github.com/firebreak-ops/firebreak/engine/policy"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Facts is what a run is started with. Everything that Decide may consult
// later is here or in the runbook.
type Facts struct {
	ID          string                                `json:"id"`
	Runbook     string                                `json:"runbook"`
	Requester   Requester                             `json:"requester"`
	Inputs      map[string]json.RawMessage            `json:"inputs,omitempty"`
	Alert       json.RawMessage                       `json:"alert,omitempty"`
	Service     string                                `json:"service,omitempty"`
	Environment string                                `json:"environment,omitempty"`
	Owner       string                                `json:"owner,omitempty"` // the team that owns the service
	Roles       map[string]Role                       `json:"roles,omitempty"`
	Resources   map[string]string                     `json:"resources,omitempty"` // identity of the service's resource, by capability
	Pins        Pins                                  `json:"pins"`
	Origins     []policy.Origin                       `json:"origins,omitempty"` // of the runbook, and of those that it calls, by name
	Generation  int                                   `json:"generation"`
	UndoOf      string                                `json:"undo_of,omitempty"`
	Reason      string                                `json:"reason,omitempty"` // why it was started, of an undo
	Undo        []Row                                 `json:"undo,omitempty"`   // the ledger rows to undo, in their order of completion
	RetryOf     string                                `json:"retry_of,omitempty"`
	From        string                                `json:"from,omitempty"`    // of a retry: path of the step that it begins with
	Carried     map[string]Carried                    `json:"carried,omitempty"` // of a retry: how the steps before ended, by path
	Vars        map[string]json.RawMessage            `json:"vars,omitempty"`    // of a retry: what they had set
	Items       []ItemsKnown                          `json:"items,omitempty"`   // of a retry or an undo: the lists of every foreach before
	Called      map[string]map[string]json.RawMessage `json:"called,omitempty"`  // of an undo: the inputs of the runbooks that were called
	Stops       []Stop                                `json:"stops,omitempty"`   // that stood when it was started
	Bar         *Bar                                  `json:"bar,omitempty"`     // that it begins under; nil: it may change things
	Rules       int                                   `json:"rules"`             // number of the engine's rules; see [Rules]
}

// unroll returns a runbook with the items that the run is started with.
func (f Facts) unroll(book *runbook.Runbook) *runbook.Runbook {
	for _, known := range f.Items {
		book = book.Unroll(known.Path, known.Items)
	}
	return book
}

// Rules numbers the behaviour of Decide. A change that would decide a
// recorded history differently raises it.
const Rules = 1

// Requester is who or what started a run.
type Requester struct {
	Kind string `json:"kind"` // person, machine, alert or drill
	Name string `json:"name"` // of a machine with the prefix that it has in roles
}

// Automatic reports whether nobody was there who answers for it: the rules for
// automation are for such runs.
func (r Requester) Automatic() bool { return r.Kind == "alert" || r.Kind == "machine" }

// Answers reports whether it is one who may have a say, under its name.
func (r Requester) Answers() bool { return r.Kind == "person" || r.Kind == "machine" }

// Role is a named set of people.
type Role struct {
	People     []string      `json:"people"`
	BreakGlass bool          `json:"break_glass,omitempty"`
	AtMost     *policy.Limit `json:"at_most,omitempty"` // how much a change may touch that they say yes to; nil: any
}

// Pins are digests of all that decides what a run does. The bytes of the
// runbook and the configuration are kept by digest in the state.
type Pins struct {
	Runbook string            `json:"runbook"`
	Config  string            `json:"config"`
	Actions string            `json:"actions"`
	Plugins map[string]string `json:"plugins,omitempty"` // name to name@version+checksum
}

func (p Pins) equal(q Pins) bool {
	return p.Runbook == q.Runbook && p.Config == q.Config && p.Actions == q.Actions && maps.Equal(p.Plugins, q.Plugins)
}

// Failure is why something failed.
type Failure struct {
	Class  string `json:"class"`
	Reason string `json:"reason"`
}

// Effect is how much of a mutation took effect.
type Effect string

// How much of a mutation took effect.
const (
	EffectNone    Effect = "none"
	EffectApplied Effect = "applied"
	EffectPartial Effect = "partial"
	EffectUnknown Effect = "unknown"
	EffectUndone  Effect = "undone"
)

// Outcome is how a call to a plugin ended.
type Outcome struct {
	Failure *Failure        `json:"failure,omitempty"` // nil: succeeded
	Effect  Effect          `json:"effect,omitempty"`  // of a mutation
	Outputs json.RawMessage `json:"outputs,omitempty"`
	Receipt json.RawMessage `json:"receipt,omitempty"`
	Left    string          `json:"left,omitempty"`   // fingerprint of the target afterwards
	Served  string          `json:"served,omitempty"` // plugin@version+checksum
	Lines   []string        `json:"lines,omitempty"`  // the last that a call said which failed
}

// said is the outcome with its effect: a plugin that does not say how a
// failed mutation left its target is not believed to have left it alone.
func (o Outcome) said() Outcome {
	if o.Effect == "" {
		o.Effect = EffectUnknown
		if o.Failure == nil {
			o.Effect = EffectApplied
		}
	}
	return o
}

// Plan is what a mutating action says that it will do.
type Plan struct {
	Binding     json.RawMessage `json:"binding,omitempty"` // canonical
	Detail      string          `json:"detail,omitempty"`
	Fingerprint string          `json:"fingerprint,omitempty"`
	Unit        string          `json:"unit,omitempty"` // blast radius
	Affected    int             `json:"affected,omitempty"`
	Total       int             `json:"total,omitempty"`
	Undo        json.RawMessage `json:"undo,omitempty"` // receipt to use if the outcome is lost
	Resource    string          `json:"resource,omitempty"`
	Served      string          `json:"served,omitempty"`
}
