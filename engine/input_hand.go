package engine

// Hand leaves the answer to an open gate to somebody else who has a role. Who
// hands it over no longer answers it.
type Hand struct {
	By       string
	Question string
	To       string
	Reason   string
	Via      Via
}

func (Hand) isInput() {}

// Who implements [Person].
func (h Hand) Who() string { return h.By }

// Came implements [Channelled].
func (h Hand) Came() Via { return h.Via }
