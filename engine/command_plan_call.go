package engine

import (
	"encoding/json"
	"time"
)

// PlanCall asks a plugin what a mutating action would do. Answered by
// [Planned]. It changes nothing.
type PlanCall struct {
	ID      string
	Path    string
	Service string
	Action  string
	Input   json.RawMessage
	Receipt json.RawMessage // set: the action would undo an earlier call

	Deadline time.Time // answer by then, with class timeout

	gate    string // set: planned to be shown at this gate
	undo    bool
	attempt int
}

// CommandID implements [Command].
func (c PlanCall) CommandID() string { return c.ID }
