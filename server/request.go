package server

import (
	"encoding/json"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/policy"
)

// StartRequest asks for a run of a runbook.
type StartRequest struct {
	Runbook string                     `json:"runbook"`          // its name
	File    string                     `json:"file,omitempty"`   // of Source, for messages
	Source  string                     `json:"source,omitempty"` // the runbook's own text, instead of one that the owner knows by name
	Files   map[string]string          `json:"files,omitempty"`  // where Source, and what it calls, are from: absolute, by name; believed where they hold that text
	Inputs  map[string]json.RawMessage `json:"inputs,omitempty"`
}

// Started names a run that has begun, or that goes on.
type Started struct {
	Run string `json:"run"`
}

// RetryRequest goes on, as a new run, where one that has ended did not.
type RetryRequest struct {
	From string `json:"from,omitempty"` // path or id of the step to begin with; empty: the first that did not go well
}

// UndoRequest undoes everything that a run has changed.
type UndoRequest struct {
	Reason string `json:"reason,omitempty"`
}

// StopRequest stops every new mutation of every run, or of those of a service.
type StopRequest struct {
	Kind    engine.StopKind `json:"kind"`              // halt or hold
	Service string          `json:"service,omitempty"` // empty: everything; a hold is always of a service
	Reason  string          `json:"reason,omitempty"`
}

// StopsView lists the halts and holds that stand.
type StopsView struct {
	Stops []engine.Stop `json:"stops"`
}

// PruneRequest gives up the runs that had ended by a time.
type PruneRequest struct {
	Before time.Time `json:"before"`
	Reason string    `json:"reason"`
}

// Pruned is what became of that.
type Pruned struct {
	Runs    int      `json:"runs"`
	Records int      `json:"records"`
	Kept    []string `json:"kept"` // runs whose records are not as they were written
}

// Reloaded is what became of the runbooks that were read anew.
type Reloaded struct {
	Runbooks int          `json:"runbooks"`          // how many there are
	Changed  []BookChange `json:"changed"`           // by name
	Restart  []string     `json:"restart,omitempty"` // sections of the configuration that differ from what the daemon runs with, until it is started anew
}

// BookChange is a runbook that is not as it was.
type BookChange struct {
	Runbook string          `json:"runbook"`
	What    string          `json:"what"`             // new, changed or gone
	Digest  string          `json:"digest,omitempty"` // now
	Origins []policy.Origin `json:"origins,omitempty"`
}

// Query chooses among runs.
type Query struct {
	Unsettled bool // only those that have not ended, or of whose end not everybody has been told
	Asking    bool // only those with open questions, and the one that began first at the beginning
	Service   string
	Limit     int    // 0: no limit
	After     string // only those that come after this run; empty: all
}

// Progress is what a call says while it goes on. It is not recorded.
type Progress struct {
	Run     string `json:"run"`
	Command string `json:"command"`
	Kind    string `json:"kind"` // progress or log
	Text    string `json:"text"`
	Done    int    `json:"done,omitempty"`
	Total   int    `json:"total,omitempty"`
}

// Line is one line of a stream of events: a record (seq, at, kind, data), a
// progress, or the end. A stream without an end was cut: ask again from the
// number after the last record.
type Line struct {
	Seq      int             `json:"seq,omitempty"`
	At       time.Time       `json:"at,omitzero"`
	Kind     string          `json:"kind,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"`
	Progress *Progress       `json:"progress,omitempty"`
	End      bool            `json:"end,omitempty"` // no record will ever follow
}

// Health says who answers. Who does not prove who they are is told only that
// it does.
type Health struct {
	OK         bool      `json:"ok"`
	Version    string    `json:"version,omitempty"`
	PID        int       `json:"pid,omitempty"`
	Generation int       `json:"generation,omitempty"`
	Since      time.Time `json:"since,omitzero"`
	Drives     bool      `json:"drives,omitempty"` // false: it only records what people say
	You        *Caller   `json:"you,omitempty"`

	Chat json.RawMessage `json:"chat,omitempty"` // how the way to people in a chat is
}

// Ready says whether runs go on and alerts are taken.
type Ready struct {
	Ready bool `json:"ready"`
}
