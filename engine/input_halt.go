package engine

// Halt stops every new mutation of the run until it is lifted.
type Halt struct {
	By      string
	Reason  string
	Service string // halted; empty: everything is
}

func (Halt) isInput() {}

// Who implements [Person].
func (h Halt) Who() string { return h.By }
