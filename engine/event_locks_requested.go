package engine

import "time"

// LocksWanted says that the run waits for its locks, all at once.
type LocksWanted struct {
	Identities []string `json:"identities"` // sorted
}

// Kind implements [Event].
func (LocksWanted) Kind() string { return "locks_requested" }

func (e LocksWanted) apply(r *Run, _ time.Time) {
	r.Locks = Locks{State: LocksRequested, Identities: e.Identities, N: r.Locks.N + 1}
}
