package engine

// LocksBusy answers a [Lock] of a run that does not want to wait, or may not:
// another run has what it asked for.
type LocksBusy struct {
	ID     string
	Holder string // id of the other run
	Same   bool   // it is a run of the same runbook, with the same inputs
}

func (LocksBusy) isInput() {}
