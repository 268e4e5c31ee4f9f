package engine

import (
	"encoding/json"
	"time"
)

// Read calls an action that changes nothing: a step's own, a guard, a sample
// of a verify or of a wait. Answered by [Returned].
type Read struct {
	ID        string
	Path      string
	Service   string
	Action    string
	Input     json.RawMessage
	NotBefore time.Time // do not start earlier; zero: at once
	Deadline  time.Time // answer by then, with class timeout

	use     readUse
	attempt int // of an undo's sample: that is undone
}

// CommandID implements [Command].
func (c Read) CommandID() string { return c.ID }

// readUse says what the answer of a read is for.
type readUse string

const (
	useStep   readUse = "step"
	useGuard  readUse = "guard"
	useSample readUse = "sample"

	useUndoSample readUse = "undo_sample"
)
