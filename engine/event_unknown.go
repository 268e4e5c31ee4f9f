package engine

import (
	"encoding/json"
	"time"
)

// Unknown is an event of a kind that this version does not know. It changes
// nothing.
type Unknown struct {
	kind string
	data json.RawMessage
}

// Kind implements [Event].
func (e Unknown) Kind() string { return e.kind }

// MarshalJSON returns the bytes as they were recorded.
func (e Unknown) MarshalJSON() ([]byte, error) { return e.data, nil }

func (Unknown) apply(*Run, time.Time) {}
