package engine

import "time"

// Timer asks for [TimerFired] at an absolute time. A late one is normal.
type Timer struct {
	ID string
	At time.Time
}

// CommandID implements [Command].
func (c Timer) CommandID() string { return c.ID }
