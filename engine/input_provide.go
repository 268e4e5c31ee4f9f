package engine

import "encoding/json"

// Provide gives the value that an ask step asks for, as JSON of its type.
type Provide struct {
	By       string
	Question string
	Value    json.RawMessage
	Reason   string
	Via      Via
}

func (Provide) isInput() {}

// Who implements [Person].
func (p Provide) Who() string { return p.By }

// Came implements [Channelled].
func (p Provide) Came() Via { return p.Via }
