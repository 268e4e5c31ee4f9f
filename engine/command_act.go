package engine

import (
	"encoding/json"
	"time"
)

// Act calls a mutating action. It is open only in the generation that
// recorded its intent: a runtime never starts it twice. Answered by
// [Returned].
type Act struct {
	ID         string
	Path       string
	Service    string
	Action     string
	Input      json.RawMessage
	Expect     string   // fingerprint that the target must have
	ApprovedBy []string // who said yes at its gate, the first one first
	Deadline   time.Time

	attempt int
}

// CommandID implements [Command].
func (c Act) CommandID() string { return c.ID }
