package engine

// Probed answers a [Probe]. An applied of unknown means that it cannot be
// told.
type Probed struct {
	ID      string
	Outcome Outcome
}

func (Probed) isInput() {}
