package engine

// Lock asks for every identity at once; identities are sorted. Answered by
// [LocksGranted]. The locks are held until the run has ended.
type Lock struct {
	ID         string
	Identities []string
	Try        bool   // of a run that has others: given at once, or answered by [LocksBusy]
	OnLocked   string // queue, skip or join: see [runbook.Runbook]. Where it is not queue and another run has any of them, answered by [LocksBusy]

	path string // of the step that tries
}

// CommandID implements [Command].
func (c Lock) CommandID() string { return c.ID }
