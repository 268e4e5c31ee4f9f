package engine

// Withdraw takes back a yes to a gate, as long as nothing has begun under it.
type Withdraw struct {
	By     string
	Path   string // of the gate's step; its id will do
	Reason string
}

func (Withdraw) isInput() {}

// Who implements [Person].
func (w Withdraw) Who() string { return w.By }
