package engine

// Vote answers an open gate. It counts only for the digest that was shown.
type Vote struct {
	By         string
	Question   string // id of the question
	Digest     string
	Approve    bool
	Keep       bool   // with a denial: leave what is changed as it is
	Reason     string // of a denial
	BreakGlass string // why this person may answer in spite of the rules
	Via        Via
}

func (Vote) isInput() {}

// Who implements [Person].
func (v Vote) Who() string { return v.By }

// Came implements [Channelled].
func (v Vote) Came() Via { return v.Via }
