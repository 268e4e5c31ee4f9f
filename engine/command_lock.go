package engine

// Lock asks for every identity at once; identities are sorted. Answered by
// [LocksGranted]. The locks are held until the run has ended.
type Lock struct {
	ID         string
	Identities []string
	OnLocked   string // queue, skip or join: see [runbook.Runbook]. Where it is not queue and another run has any of them, answered by [LocksBusy]
}

// CommandID implements [Command].
func (c Lock) CommandID() string { return c.ID }
