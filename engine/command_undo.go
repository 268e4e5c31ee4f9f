package engine

import (
	"encoding/json"
	"time"
)

// Undo calls the action that puts back what an earlier call changed. As
// [Act], it is open only in the generation of its intent. Answered by
// [Returned].
type Undo struct {
	ID         string
	Path       string
	Service    string
	Action     string
	Input      json.RawMessage // set when the runbook writes its own
	Receipt    json.RawMessage // of what it undoes
	Expect     string
	ApprovedBy []string // who said yes at the gate that covers it, the first one first
	Deadline   time.Time

	attempt int
}

// CommandID implements [Command].
func (c Undo) CommandID() string { return c.ID }
