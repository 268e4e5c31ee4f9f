package engine

// Hold keeps automation off a service: somebody is at it, or a run has left it
// changed.
type Hold struct {
	By      string
	Reason  string
	Service string
}

func (Hold) isInput() {}

// Who implements [Person].
func (h Hold) Who() string { return h.By }
