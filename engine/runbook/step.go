package runbook

import (
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// Kind says what a step is.
type Kind string

// The kinds of step.
const (
	KindAction   Kind = "action" // uses
	KindGroup    Kind = "group"  // steps
	KindParallel Kind = "parallel"
	KindNotify   Kind = "notify"
	KindWait     Kind = "wait"
	KindSet      Kind = "set"
	KindFail     Kind = "fail"
	KindAsk      Kind = "ask"
	KindForeach  Kind = "foreach"
	KindCall     Kind = "call"
)

// Step is one step, or a group of steps.
type Step struct {
	ID   string // as written; empty if none
	Path string // unique: on_failure/, finally/ and groups as prefixes; an unnamed step is its position, from 1
	Kind Kind
	Pos  Pos

	If       *expr.Program // nil: always
	Optional bool
	Timeout  time.Duration // one attempt of a step, or the whole of a group; 0: none
	Retry    *Retry        // nil: one attempt
	Approve  *Approve
	Guard    *Guard
	Verify   *Verify
	Undo     *Undo

	Uses     string
	Action   *Action
	With     *expr.Value // nil: {}
	Resource *expr.Value // of a mutating tool: the identity that it changes

	To   string      // notify
	Text *expr.Value // notify, fail, ask

	For    time.Duration // wait: a plain wait
	Until  *expr.Program // wait with uses
	Every  time.Duration
	Within time.Duration

	Set []Assignment

	Ask *Ask // of an ask

	Each *Each // of a foreach
	Call *Call // of a call

	Steps  []*Step // of a group of any kind
	Parent *Step   // nil at the top level
	Frame  *Frame  // what the names in its expressions mean
	Of     *Step   // of the handlers of a runbook that is called: the step that calls it
}

// Group reports whether a step holds others.
func (s *Step) Group() bool { return len(s.Steps) > 0 || s.Each != nil }

// Label is what people are told of a step: its path where it has an id, else
// what it does and where it stands.
func (s *Step) Label() string {
	switch {
	case s.ID != "":
		return s.Path
	case s.Uses != "":
		return s.Uses + " (step " + s.Path + ")"
	default:
		return "step " + s.Path
	}
}

// Mutates reports whether the step itself is an action that changes something.
func (s *Step) Mutates() bool {
	return s.Kind == KindAction && s.Action != nil && s.Action.Effect != EffectRead
}

// RollsBack reports whether the step itself takes back what somebody changed.
func (s *Step) RollsBack() bool { return s.Mutates() && strings.HasSuffix(s.Uses, ".rollback") }

// Retry says how often and when a failed attempt is made again.
type Retry struct {
	Attempts   int // all of them, the first included
	Backoff    time.Duration
	MaxBackoff time.Duration
	On         []string // failure classes
}

// OutputType is the type of what a step returns; nil where that is not known,
// or nothing.
func (s *Step) OutputType() *expr.Type {
	switch {
	case s.Ask != nil:
		return expr.Record(map[string]*expr.Type{"value": s.Ask.Type})
	case s.Call != nil && s.Call.Outputs != nil:
		return s.Call.Outputs.Type()
	case s.Each != nil:
		return s.Each.Outputs
	case s.Action != nil:
		return s.Action.Output
	default:
		return nil
	}
}

// GateMaySkip reports whether the step is passed over when nobody answers its
// gate in time.
func (s *Step) GateMaySkip() bool { return s.Approve != nil && s.Approve.OnExpiry == "skip" }

// Asking is who is asked what a step asks, and what silence means; nil where
// it asks nothing.
func (s *Step) Asking() *Asking {
	switch {
	case s.Ask != nil:
		return &s.Ask.Asking
	case s.Approve != nil:
		return &s.Approve.Asking
	default:
		return nil
	}
}

// Asking is who may answer a question, and what silence means.
type Asking struct {
	Of       []Asked
	OnExpiry string // abort or skip
	Pos      Pos
}

// Approve is a gate answered by people.
type Approve struct {
	Asking
	Quorum   int
	ValidFor time.Duration
	Self     bool // the requester may answer
}

// Ask is a value that people are asked for.
type Ask struct {
	Asking
	Word string // of the type, as written
	Type *expr.Type
}

// Asked is one role that may answer, and for how long it is waited for.
type Asked struct {
	Role string
	For  time.Duration
}

// Expires is how long the question stays open: the sum of the times.
func (a *Asking) Expires() time.Duration {
	var d time.Duration
	for _, of := range a.Of {
		d += of.For
	}
	return d
}

// Guard is a read that must hold right before the action.
type Guard struct {
	Uses   string
	Action *Action
	With   *expr.Value
	That   *expr.Program
	Pos    Pos
}

// Verify is a read that decides whether the action worked.
type Verify struct {
	None    string // why there is none; the rest is then empty but for Owner and LastDay
	Owner   string
	LastDay string // YYYY-MM-DD, UTC

	Uses   string
	Action *Action
	With   *expr.Value
	Until  *expr.Program
	For    time.Duration // how long Until must hold
	Within time.Duration
	Every  time.Duration
	OnFail string // undo, keep or ask
	Pos    Pos
}

// Undo puts back what the step changed.
type Undo struct {
	None   string // why there is none
	Uses   string
	Action *Action
	With   *expr.Value // nil: the receipt of what it undoes
	Retry  *Retry      // nil: one attempt
	Verify *Verify     // nil: it is believed; else without OnFail
	Pos    Pos
}

// Assignment is one entry of `set`.
type Assignment struct {
	Name  string
	Value *expr.Value
}
