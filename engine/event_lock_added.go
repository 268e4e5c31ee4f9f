package engine

import (
	"slices"
	"time"
)

// LockAdded says that the run has got a lock that it tried, and holds it with
// the others until it has ended.
type LockAdded struct {
	Path     string `json:"path"` // of the mutation that changes it
	Identity string `json:"identity"`
}

// Kind implements [Event].
func (LockAdded) Kind() string { return "lock_added" }

func (e LockAdded) apply(r *Run, _ time.Time) {
	r.setStep(e.Path, func(s *Step) { s.Doing = DoingNothing })
	if i, found := slices.BinarySearch(r.Locks.Identities, e.Identity); !found {
		r.Locks.Identities = slices.Insert(slices.Clone(r.Locks.Identities), i, e.Identity)
	}
}
