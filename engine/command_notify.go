package engine

// Notify tells people something, at least once. Answered by [Notified]. It
// may be open after the run has ended.
type Notify struct {
	ID   string
	To   string // a role, or a service's owner
	Text string
	Page bool // wake somebody
}

// CommandID implements [Command].
func (c Notify) CommandID() string { return c.ID }
