package engine

// LocksGranted answers a [Lock]: the run holds every identity it named.
type LocksGranted struct{ ID string }

func (LocksGranted) isInput() {}
