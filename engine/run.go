package engine

import (
	"encoding/json"
	"maps"
	"slices"
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
	EndedAt    time.Time
	Phase      Phase
	Word       Word   // how it ended; empty before
	Cause      *Cause // why it is not going on; nil while all is well

	Steps     map[string]*Step // by path
	Gates     map[string]*Gate // by path of the step that has the approve
	Questions map[string]*Question
	Ledger    []*Row
	Notices   []*Notice
	Vars      map[string]json.RawMessage
	Locks     Locks
	Stop      *Stop // nil: nothing is stopped

	UndoWord  bool // a person's word covers the undos, which a stop had uncovered
	Uncovered bool // a stop has taken the cover from pending undos
	UndoEnded bool // an undo failed: no more undos, and handlers only read

	Reached   Phase         // the handler that has begun last
	Failed    *RunFailure   // what handlers read as run.failure
	Asking    time.Time     // since when at least one question is open; zero: none is
	AskedFor  time.Duration // how long questions were open, all together
	PausedFor time.Duration // how long people or a stop were waited for: timeouts do not count it
	Completed int           // how many mutations have come to an end, for the order of undos

	pausedSince time.Time // zero: not paused
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

	ReadOnly bool `json:"read_only,omitempty"` // handlers only read
}

// CauseKind sorts causes by how the run may end.
type CauseKind string

// The kinds of cause.
const (
	CauseFailure CauseKind = "failure"
	CauseCancel  CauseKind = "cancel"
	CauseRefused CauseKind = "refused"
	CauseUndo    CauseKind = "undo"
)

// RunFailure is run.failure in a handler.
type RunFailure struct {
	Step   string `json:"step"`
	Class  string `json:"class"`
	Reason string `json:"reason"`
	Effect Effect `json:"effect"`
}

// Status is steps.ID.status.
type Status string

// The states of a step. Waiting is derived; see [Run.StatusOf].
const (
	StatusPending   Status = "pending"
	StatusRunning   Status = "running"
	StatusWaiting   Status = "waiting"
	StatusSucceeded Status = "succeeded"
	StatusFailed    Status = "failed"
	StatusSkipped   Status = "skipped"
	StatusUndone    Status = "undone"
	StatusInDoubt   Status = "in_doubt"
	StatusCancelled Status = "cancelled"
)

// Doing is what a running step does.
type Doing string

// What a running step may be doing. A step that does nothing waits for its
// turn, its gate or the end of a stop.
const (
	DoingNothing   Doing = ""
	DoingPlan      Doing = "planning"
	DoingGuard     Doing = "guarding"
	DoingAct       Doing = "acting"
	DoingRetryWait Doing = "retrying" // waits for the time of its next attempt
	DoingFence     Doing = "fencing"  // waits until a lost effect can no longer arrive
	DoingProbe     Doing = "probing"
	DoingDoubt     Doing = "in_doubt"
	DoingVerify    Doing = "verifying"
	DoingVerdict   Doing = "verdict" // a person decides about a verify
	DoingWait      Doing = "waiting"
	DoingChildren  Doing = "children"
)

// Step is the state of one step or group.
type Step struct {
	Status      Status
	Doing       Doing
	Attempt     int // from 1
	N           int // numbers the reads of the step: plan.n, guard.n, verify.n
	StartedAt   time.Time
	EndedAt     time.Time
	Input       json.RawMessage // resolved `with`
	GuardInput  json.RawMessage
	Resource    string // resolved `resource` of a tool
	Plan        *Plan
	Outputs     json.RawMessage
	Failure     *Failure
	Effect      Effect // the join over all attempts
	Guarded     bool   // of a group: its guard was true since the vote
	Generation  int    // in which the attempt was intended
	Deadline    time.Time
	ActedAt     time.Time // when the action ended; samples must be newer
	Samples     []Sample
	Verified    string // verdict of the verify; empty: none yet
	SampleInput json.RawMessage
	NextSample  time.Time
	PausedFor   time.Duration // of a group: time of people and stops, not counted by its timeout
	Accepted    string        // who accepted it instead of a passed verify
}

// Sample is one answer of a verify or a wait.
type Sample struct {
	At      time.Time `json:"at"`
	Verdict string    `json:"verdict"` // true, false or void
	Why     string    `json:"why,omitempty"`
}

// Done reports whether the step has come to its end.
func (s *Step) Done() bool {
	switch s.Status {
	case StatusSucceeded, StatusFailed, StatusSkipped, StatusUndone, StatusCancelled:
		return true
	default:
		return false
	}
}

// Gate is the state of an approve.
type Gate struct {
	State      GateState
	Asks       int // how often it was asked
	Voids      int
	Shown      map[string]Shown           // by path of the member: what people saw
	Planned    map[string]Plan            // by path of the member: what the next question will show
	Inputs     map[string]json.RawMessage // by path of the members that are being planned
	Changed    []string                   // what differed when it was voided
	By         string                     // who decided
	BreakGlass string
	ValidUntil time.Time
}

// GateState is where a gate stands.
type GateState string

// The states of a gate.
const (
	GateIdle     GateState = ""
	GatePlanning GateState = "planning"
	GateOpen     GateState = "open"
	GateApproved GateState = "approved"
	GateConsumed GateState = "consumed" // its first intent is recorded
)

// Shown is what people saw of one member of a gate.
type Shown struct {
	Binding     json.RawMessage `json:"binding"`
	Fingerprint string          `json:"fingerprint"`
	Action      string          `json:"action"`
	Served      string          `json:"served"`
	Undo        string          `json:"undo"` // the action that would undo it, or why there is none
	Detail      string          `json:"detail,omitempty"`
	Unit        string          `json:"unit,omitempty"`
	Affected    int             `json:"affected,omitempty"`
	Total       int             `json:"total,omitempty"`
	NoPrecond   bool            `json:"no_precondition,omitempty"`
}

// QuestionKind says what is asked.
type QuestionKind string

// The kinds of question.
const (
	AskGate    QuestionKind = "gate"       // approve | deny
	AskVerdict QuestionKind = "verdict"    // again | accept | keep | undo
	AskDoubt   QuestionKind = "doubt"      // happened | not | partial | unknown
	AskDrift   QuestionKind = "undo_drift" // force | keep
	AskAgain   QuestionKind = "again"      // again | abort
	AskResume  QuestionKind = "resume"     // resume | keep
)

// Question is an open question to people.
type Question struct {
	ID       string       `json:"id"` // run/path#attempt/ask.n
	Kind     QuestionKind `json:"kind"`
	Path     string       `json:"path"`
	Text     string       `json:"text"`
	Digest   string       `json:"digest,omitempty"` // what a vote must carry
	Roles    []string     `json:"roles"`
	Self     bool         `json:"self,omitempty"` // the requester may answer
	Choices  []string     `json:"choices"`
	Members  []Member     `json:"members,omitempty"` // of a gate: what would be done, in order
	Changed  []string     `json:"changed,omitempty"` // what differs from the question before
	OpenedAt time.Time    `json:"opened_at"`
	Expires  time.Time    `json:"expires,omitzero"` // zero: never
	Undo     bool         `json:"undo,omitempty"`   // it is about an undo
	Attempt  int          `json:"attempt,omitempty"`
}

// Member is one action that a gate covers.
type Member struct {
	Path string `json:"path"`
	Shown
}

// RowState is where an attempt of a mutation stands.
type RowState string

// The states of a row of the ledger.
const (
	RowIntended   RowState = "intended"
	RowNone       RowState = "none"
	RowApplied    RowState = "applied"
	RowPartial    RowState = "partial"
	RowUnknown    RowState = "unknown"
	RowCommitted  RowState = "committed"
	RowUndone     RowState = "undone"
	RowUndoFailed RowState = "undo_failed"
	RowLeft       RowState = "left" // stays changed: nothing undoes it, or a person said so
)

// Row is one attempt of a mutation, in the ledger from which the end of the
// run is read.
type Row struct {
	Path      string          `json:"path"`
	Attempt   int             `json:"attempt"`
	Action    string          `json:"action"`
	Resource  string          `json:"resource,omitempty"`
	Gate      string          `json:"gate"`
	State     RowState        `json:"state"`
	Completed int             `json:"completed,omitempty"` // place in the order of completion
	Receipt   json.RawMessage `json:"receipt,omitempty"`
	Left      string          `json:"left,omitempty"` // fingerprint that the action left
	Why       string          `json:"why,omitempty"`  // of left and undo_failed
	Served    string          `json:"served,omitempty"`
	Undoing   UndoDoing       `json:"undoing,omitempty"`
	N         int             `json:"n,omitempty"`

	expect     string // fingerprint that the undo will expect
	input      json.RawMessage
	generation int
	deadline   time.Time
	forced     bool
}

// UndoDoing is what the undo of a row does.
type UndoDoing string

// What an undo may be doing.
const (
	UndoIdle  UndoDoing = ""
	UndoGuard UndoDoing = "guarding"
	UndoAct   UndoDoing = "undoing"
	UndoFence UndoDoing = "fencing"
	UndoProbe UndoDoing = "probing"
	UndoDoubt UndoDoing = "in_doubt"
	UndoAsk   UndoDoing = "asking"
)

// Notice is something people are told.
type Notice struct {
	N    int
	To   string
	Text string
	Page bool
	Sent bool
}

// Locks is what a run wants to have for itself.
type Locks struct {
	State      LockState
	Identities []string // sorted
}

// LockState is how far a run is with its locks.
type LockState string

// The states of a run's locks.
const (
	LocksNone      LockState = ""
	LocksRequested LockState = "requested"
	LocksHeld      LockState = "held"
	LocksReleased  LockState = "released"
)

// New returns the run of a runbook before its first record.
func New(book *runbook.Runbook) Run { return Run{Book: book} }

// Ended reports whether the run has come to its end.
func (r *Run) Ended() bool { return r.Phase == PhaseEnded }

// step returns the state of a step; a step that has not begun is pending.
func (r *Run) step(path string) *Step {
	if s, ok := r.Steps[path]; ok {
		return s
	}
	return &Step{Status: StatusPending}
}

// Step returns a copy of the state of the step at a path.
func (r *Run) Step(path string) Step { return *r.step(path) }

// setStep replaces the state of one step by what change makes of a copy.
func (r *Run) setStep(path string, change func(*Step)) {
	s := *r.step(path)
	change(&s)
	m := maps.Clone(r.Steps)
	if m == nil {
		m = map[string]*Step{}
	}
	m[path] = &s
	r.Steps = m
}

func (r *Run) gate(path string) *Gate {
	if g, ok := r.Gates[path]; ok {
		return g
	}
	return &Gate{}
}

func (r *Run) setGate(path string, change func(*Gate)) {
	g := *r.gate(path)
	change(&g)
	m := maps.Clone(r.Gates)
	if m == nil {
		m = map[string]*Gate{}
	}
	m[path] = &g
	r.Gates = m
}

// row returns the ledger's row of an attempt, or nil.
func (r *Run) row(path string, attempt int) *Row {
	for _, row := range r.Ledger {
		if row.Path == path && row.Attempt == attempt {
			return row
		}
	}
	return nil
}

func (r *Run) setRow(path string, attempt int, change func(*Row)) {
	for i, row := range r.Ledger {
		if row.Path == path && row.Attempt == attempt {
			c := *row
			change(&c)
			r.Ledger = slices.Clone(r.Ledger)
			r.Ledger[i] = &c
			return
		}
	}
}

// open adds a question; at is when.
func (r *Run) open(q Question, at time.Time) {
	m := maps.Clone(r.Questions)
	if m == nil {
		m = map[string]*Question{}
	}
	m[q.ID] = &q
	r.Questions = m
	if r.Asking.IsZero() {
		r.Asking = at
	}
	r.repause(at)
}

// close removes a question and counts how long people were waited for.
func (r *Run) close(id string, at time.Time) {
	if r.Questions[id] == nil {
		return
	}
	m := maps.Clone(r.Questions)
	delete(m, id)
	r.Questions = m
	if len(m) == 0 && !r.Asking.IsZero() {
		if d := at.Sub(r.Asking); d > 0 {
			r.AskedFor += d
		}
		r.Asking = time.Time{}
	}
	r.repause(at)
}

// closeAbout removes every open question about a path.
func (r *Run) closeAbout(path string, at time.Time) {
	for id, q := range r.Questions {
		if q.Path == path {
			r.close(id, at)
		}
	}
}

// repause keeps the account of the time that timeouts do not count.
func (r *Run) repause(at time.Time) {
	if !r.pausedSince.IsZero() {
		if d := at.Sub(r.pausedSince); d > 0 {
			r.PausedFor += d
		}
		r.pausedSince = time.Time{}
	}
	if len(r.Questions) > 0 || r.Stop != nil {
		r.pausedSince = at
	}
}

// within reports whether a path is another or lies under it.
func within(path, under string) bool {
	return path == under || strings.HasPrefix(path, under+"/")
}

// question returns the open question of a kind about a path, or nil.
func (r *Run) question(kind QuestionKind, path string) *Question {
	for _, q := range r.Questions {
		if q.Kind == kind && q.Path == path {
			return q
		}
	}
	return nil
}
