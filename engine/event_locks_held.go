package engine

import "time"

// LocksTaken says that the run holds its locks until it has ended.
type LocksTaken struct{}

// Kind implements [Event].
func (LocksTaken) Kind() string { return "locks_held" }

func (LocksTaken) apply(r *Run, _ time.Time) { r.Locks.State = LocksHeld }
