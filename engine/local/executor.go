package local

import (
	"context"

	"github.com/firebreak-ops/firebreak/engine"
)

// Executor carries out commands.
type Executor interface {
	// Do carries out one [engine.PlanCall], [engine.Read], [engine.Act],
	// [engine.Undo], [engine.Probe], [engine.StopCall] or [engine.Notify] and
	// blocks until it has an answer, which it returns; a StopCall has none
	// and returns nil. Every call has a goroutine of its own.
	//
	// ctx ends when the answer no longer matters, when a Read's deadline has
	// passed, or when the runtime closes; for an Act and an Undo it never
	// ends: they end by themselves, at their deadline, or after a StopCall
	// that names them.
	//
	// An id is given to Do at most once in one generation.
	Do(ctx context.Context, run RunInfo, cmd engine.Command) engine.Input
}

// RunInfo is what an executor may need to know of the run that it works for.
type RunInfo struct {
	ID         string
	Generation int
	Facts      engine.Facts
	Report     func(Progress) // never nil, never blocks; reports may be dropped
}

// Progress is what a call says while it goes on. It is shown, not stored.
type Progress struct {
	Run     string `json:"run"`
	Command string `json:"command"` // id of the command
	Kind    string `json:"kind"`    // progress or log
	Text    string `json:"text"`
	Done    int    `json:"done,omitempty"`
	Total   int    `json:"total,omitempty"`
}
