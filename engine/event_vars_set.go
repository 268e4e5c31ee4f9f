package engine

import (
	"encoding/json"
	"maps"
	"time"
)

// VarsSet gives variables their values.
type VarsSet struct {
	Path   string                     `json:"path"`
	Values map[string]json.RawMessage `json:"values"`
}

// Kind implements [Event].
func (VarsSet) Kind() string { return "vars_set" }

func (e VarsSet) apply(r *Run, _ time.Time) {
	m := maps.Clone(r.Vars)
	if m == nil {
		m = map[string]json.RawMessage{}
	}
	frame := r.Book.Frame
	if s := r.Book.Step(e.Path); s != nil {
		frame = s.Frame
	}
	for name, raw := range e.Values {
		m[variableKey(frame, name)] = raw
	}
	r.Vars = m
}
