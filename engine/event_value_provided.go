package engine

import (
	"encoding/json"
	"slices"
	"time"
)

// ValueProvided records the answer to a question for a value. The step that
// asked has it as its output.
type ValueProvided struct {
	ID     string          `json:"id"`
	Path   string          `json:"path"`
	Value  json.RawMessage `json:"value"`
	By     string          `json:"by"`
	Reason string          `json:"reason,omitempty"`
	Via    Via             `json:"via,omitempty"` // how it came; not said of one given on this machine

	OpenFor time.Duration `json:"open_for_ns,omitempty"` // less the time in which nobody could answer
	Asked   []Asked       `json:"asked,omitempty"`       // the roles that were asked, or have answered
}

// Kind implements [Event].
func (ValueProvided) Kind() string { return "value_provided" }

func (e ValueProvided) apply(r *Run, at time.Time) {
	r.close(e.ID, at)
	r.Answers = append(slices.Clip(r.Answers), Answered{Path: e.Path, Question: AskValue, By: e.By, At: at, OpenFor: e.OpenFor, Asked: e.Asked})
	outputs := append(append([]byte(`{"value":`), e.Value...), '}')
	r.setStep(e.Path, func(s *Step) { s.Outputs = outputs })
}
