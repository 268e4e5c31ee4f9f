package engine

import "encoding/json"

// Provide gives the value that an ask step asks for, as JSON of its type.
type Provide struct {
	By       string
	Question string
	Value    json.RawMessage
	Reason   string
}

func (Provide) isInput() {}

// Who implements [Person].
func (p Provide) Who() string { return p.By }
