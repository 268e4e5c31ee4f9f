package engine

// BreakLock takes the run's locks away, so that others may have them.
type BreakLock struct {
	By     string
	Reason string
}

func (BreakLock) isInput() {}

// Who implements [Person].
func (b BreakLock) Who() string { return b.By }
