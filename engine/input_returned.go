package engine

// Returned answers a [Read], an [Act] or an [Undo].
type Returned struct {
	ID      string
	Outcome Outcome
}

func (Returned) isInput() {}
