package engine

// Notified answers a [Notify]. A notice that could not be sent is recorded,
// and never fails anything.
type Notified struct {
	ID    string
	Error string
}

func (Notified) isInput() {}
