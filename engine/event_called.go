package engine

import (
	"encoding/json"
	"maps"
	"time"
)

// Called says with which inputs a runbook is called.
type Called struct {
	Path   string                     `json:"path"`
	Inputs map[string]json.RawMessage `json:"inputs,omitempty"`
}

// Kind implements [Event].
func (Called) Kind() string { return "called" }

func (e Called) apply(r *Run, _ time.Time) {
	m := maps.Clone(r.Called)
	if m == nil {
		m = map[string]map[string]json.RawMessage{}
	}
	m[e.Path] = e.Inputs
	r.Called = m
}
