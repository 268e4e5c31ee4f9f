package engine

import (
	"encoding/json"
	"slices"
	"time"
)

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

	expect     string          // fingerprint that the undo will expect
	planned    json.RawMessage // what the plan of the undo returned to probe it by
	input      json.RawMessage
	generation int
	deadline   time.Time
	forced     bool   // a person wants it undone although its target was changed
	over       string // of forced: the fingerprint that they were shown
	undos      int    // how often its undo was intended
	tries      int    // how often it was tried again after a failure

	samples     []Sample // of the verify of its undo
	sampleInput json.RawMessage
	nextSample  time.Time
	unlocked    bool   // its locks were broken since its undo was intended: the verify of that proves nothing
	undoneLeft  string // fingerprint that the undo left, while that is verified
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

	UndoRetryWait  UndoDoing = "retrying"  // waits for the time of its next try
	UndoVerify     UndoDoing = "verifying" // it has happened
	UndoVerdictAsk UndoDoing = "verdict"   // a person decides about its verify
)

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
			if r.Steps[path] != nil { // not in a run that undoes another
				r.setStep(path, func(s *Step) { s.Effect = r.effect(path) })
			}
			return
		}
	}
}

// effect is what the mutations at and under a path have done to the world:
// the join over all their attempts, so that a later one that did nothing
// never hides an earlier one that did. The empty path is the whole run.
func (r *Run) effect(path string) Effect {
	joined := EffectNone
	for _, row := range r.Ledger {
		if e := row.effect(); (path == "" || within(row.Path, path)) && effectRank[e] > effectRank[joined] {
			joined = e
		}
	}
	return joined
}

var effectRank = map[Effect]int{EffectNone: 0, EffectUndone: 1, EffectApplied: 2, EffectPartial: 3, EffectUnknown: 4}

// effect is the effect that the row's state stands for.
func (row *Row) effect() Effect {
	switch row.State {
	case RowApplied, RowCommitted, RowLeft, RowUndoFailed:
		return EffectApplied
	case RowPartial:
		return EffectPartial
	case RowUnknown, RowIntended:
		return EffectUnknown
	case RowUndone:
		return EffectUndone
	default:
		return EffectNone
	}
}

func rowState(e Effect) RowState {
	switch e {
	case EffectApplied:
		return RowApplied
	case EffectPartial:
		return RowPartial
	case EffectUnknown:
		return RowUnknown
	default:
		return RowNone
	}
}
