package engine

// Lift ends a halt or a hold. What it voided is planned, guarded and asked
// again.
type Lift struct {
	By      string
	Kind    StopKind // empty: a halt
	Service string
}

func (Lift) isInput() {}

// Who implements [Person].
func (l Lift) Who() string { return l.By }
