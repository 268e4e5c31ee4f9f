package engine

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Run is the state of one run: a fold of its records. It is a value; nothing
// that it refers to is ever changed in place, so old copies stay valid.
type Run struct {
	Book  *runbook.Runbook
	Facts Facts

	Seq        int
	Generation int
	StartedAt  time.Time
	ChangedAt  time.Time // when it began its first change; zero: it has not
	EndedAt    time.Time
	Phase      Phase
	Word       Word   // how it ended; empty before
	Cause      *Cause // why it is not going on; nil while all is well

	Steps     map[string]*Step // by path
	Gates     map[string]*Gate // by path of the step that has the approve
	Questions map[string]*Question
	Ledger    []*Row
	Notices   []*Notice
	Vars      map[string]json.RawMessage            // by name; those of calls and items behind their path
	Called    map[string]map[string]json.RawMessage // inputs of runbooks that were called, by path of the call
	Items     []ItemsKnown                          // of every foreach whose list is known, in their order
	Outputs   json.RawMessage                       // what the run returns
	Locks     Locks
	Stops     []Stop // that stand, in the order in which they came

	Bar       *Bar       // the rule that bars it from changes; nil: it may change things
	WouldHave *WouldHave // what a run that is barred would have done; nil: it has not come to it

	Changes   []ServiceChange // that others have made to the service since it began
	UndoWord  bool            // a person's word covers the undos, which a stop had uncovered
	Uncovered bool            // a stop has taken the cover from pending undos
	UndoEnded bool            // an undo failed: no more undos, and handlers only read

	Reached   Phase             // the handler that has begun last
	Failed    *RunFailure       // what handlers read as run.failure
	Asking    time.Time         // since when people are waited for; zero: they are not
	AskedFor  time.Duration     // how long people were waited for: the time on the critical path
	Waited    map[string]Waited // about each step, by path
	Answers   []Answered        // of the questions that were decided, in their order
	PausedFor time.Duration     // how long people or a stop were waited for: timeouts do not count it
	Completed int               // how many mutations have come to an end, for the order of undos

	pausedSince time.Time       // zero: not paused
	late        map[string]bool // ids of calls whose late result is recorded
	own         own

	will map[string]bool // what a step's condition comes to, by path, once that cannot change any more; worked out again after a replay
}

// Phase is where a run stands.
type Phase string

// The phases of a run, in their order.
const (
	PhaseRunning   Phase = "running"
	PhaseStopping  Phase = "stopping"
	PhaseUndoing   Phase = "undoing"
	PhaseOnFailure Phase = "on_failure"
	PhaseFinally   Phase = "finally"
	PhaseEnded     Phase = "ended"
)

// Word is how a run ended.
type Word string

// The ends of a run.
const (
	Succeeded      Word = "succeeded"
	NoAction       Word = "no_action"
	Refused        Word = "refused"
	FailedClean    Word = "failed_clean"
	FailedDirty    Word = "failed_dirty"
	CancelledClean Word = "cancelled_clean"
	CancelledDirty Word = "cancelled_dirty"
	Undone         Word = "undone"
	HandedOver     Word = "handed_over" // a person has it now, as it is
)

// Dirty reports whether something uncommitted stays changed.
func (w Word) Dirty() bool { return w == FailedDirty || w == CancelledDirty }

// Cause is why a run does not go on.
type Cause struct {
	Kind   CauseKind `json:"kind"`
	Path   string    `json:"path,omitempty"` // of the step where it began
	Class  string    `json:"class,omitempty"`
	Reason string    `json:"reason,omitempty"`
	By     string    `json:"by,omitempty"`
	Keep   bool      `json:"keep,omitempty"` // undo nothing
	Undo   bool      `json:"undo,omitempty"` // of a cancel: undo what is not committed
	All    bool      `json:"all,omitempty"`  // undo what is committed, too

	ReadOnly  bool `json:"read_only,omitempty"`  // handlers only read
	InFinally bool `json:"in_finally,omitempty"` // it arose when the main part was over, and cannot change how that ended
}

// CauseKind sorts causes by how the run may end.
type CauseKind string

// The kinds of cause.
const (
	CauseFailure    CauseKind = "failure"
	CauseCancel     CauseKind = "cancel"
	CauseRefused    CauseKind = "refused"
	CauseUndo       CauseKind = "undo"
	CauseHandedOver CauseKind = "handed_over"
)

// RunFailure is run.failure in a handler.
type RunFailure struct {
	Step   string `json:"step"`
	Class  string `json:"class"`
	Reason string `json:"reason"`
	Effect Effect `json:"effect"`
}

// Notice is something people are told.
type Notice struct {
	N     int
	To    string
	Text  string
	Page  bool
	About string // id of a question; empty: it is about no open one
	Sent  bool
}

// Locks is what a run wants to have for itself.
type Locks struct {
	State      LockState
	Identities []string // sorted
	N          int      // how often they were asked for
}

// LockState is how far a run is with its locks.
type LockState string

// The states of a run's locks.
const (
	LocksNone      LockState = ""
	LocksRequested LockState = "requested"
	LocksHeld      LockState = "held"
	LocksBroken    LockState = "broken" // a person took them away
	LocksReleased  LockState = "released"
)

// New returns the run of a runbook before its first record.
func New(book *runbook.Runbook) Run { return Run{Book: book} }

// Ended reports whether the run has come to its end.
func (r *Run) Ended() bool { return r.Phase == PhaseEnded }

// Step returns a copy of the state of the step at a path.
func (r *Run) Step(path string) Step { return *r.step(path) }

// within reports whether a path is another or lies under it.
func within(path, under string) bool {
	return path == under || strings.HasPrefix(path, under+"/")
}
