package engine

import "time"

// LockTried says that a mutation's turn has come, and that what it changes has
// become known only after the run had got its locks: it is tried to lock that,
// too, and never waited for.
type LockTried struct {
	Path     string `json:"path"`
	Attempt  int    `json:"attempt"`
	Identity string `json:"identity"`
}

// Kind implements [Event].
func (LockTried) Kind() string { return "lock_tried" }

func (e LockTried) apply(r *Run, _ time.Time) {
	r.setStep(e.Path, func(s *Step) {
		s.Doing, s.Attempt, s.Resource, s.Plan = DoingLock, e.Attempt, e.Identity, nil
		s.N++
	})
}
