package engine

// Answer chooses one of the choices of an open question that is not a gate:
// what became of an effect in doubt, what to do about a verify without a
// verdict, about an undo whose target was changed, about a gate that keeps
// being voided, about an undo that waits for a word.
type Answer struct {
	By       string
	Question string
	Choice   string
	Reason   string
	Via      Via
}

func (Answer) isInput() {}

// Who implements [Person].
func (a Answer) Who() string { return a.By }

// Came implements [Channelled].
func (a Answer) Came() Via { return a.Via }
