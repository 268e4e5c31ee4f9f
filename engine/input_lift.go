package engine

// Lift ends a halt. What the halt voided is planned, guarded and asked again.
type Lift struct{ By string }

func (Lift) isInput() {}

// Who implements [Person].
func (l Lift) Who() string { return l.By }
