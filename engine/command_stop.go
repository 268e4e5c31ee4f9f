package engine

// StopCall asks the call with id Call to end at its next safe point. It has no
// answer of its own: the call's outcome is the answer.
type StopCall struct {
	ID   string
	Call string
}

// CommandID implements [Command].
func (c StopCall) CommandID() string { return c.ID }
