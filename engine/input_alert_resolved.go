package engine

// AlertResolved says that the alert which began the run is over.
type AlertResolved struct{}

func (AlertResolved) isInput() {}
