package engine

// Ask keeps a question in front of people until it is closed. Answered by
// [Vote] for a gate, else by [Answer].
type Ask struct {
	ID       string
	Question Question
}

// CommandID implements [Command].
func (c Ask) CommandID() string { return c.ID }
