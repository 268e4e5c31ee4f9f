package engine

import (
	"encoding/json"
	"time"
)

// Probe asks a plugin whether a call whose outcome was lost took effect.
// Answered by [Probed].
type Probe struct {
	ID      string
	Path    string
	Service string
	Action  string
	Input   json.RawMessage
	Expect  string
	Receipt json.RawMessage // of a lost undo: what it was to undo
	Undo    json.RawMessage // what the plan returned
	Call    string          // id of the lost call

	Deadline time.Time // answer by then

	attempt int
	undo    bool
}

// CommandID implements [Command].
func (c Probe) CommandID() string { return c.ID }
