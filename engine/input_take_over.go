package engine

// TakeOver leaves the run, with its locks, to the person who says so. Until
// they hand it back it only reads.
type TakeOver struct {
	By     string
	Reason string
}

func (TakeOver) isInput() {}

// Who implements [Person].
func (t TakeOver) Who() string { return t.By }
