package engine

// Cancel stops the run before its next mutation.
type Cancel struct {
	By     string
	Reason string
	Undo   bool // also undo what is changed and not verified
}

func (Cancel) isInput() {}

// Who implements [Person].
func (c Cancel) Who() string { return c.By }
