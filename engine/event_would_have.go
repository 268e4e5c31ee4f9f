package engine

import "time"

// WouldHave says what a run that is barred from changing anything would have
// asked about, and done.
type WouldHave struct {
	Path    string   `json:"path"`    // of the gate's step
	Class   string   `json:"class"`   // of the rule
	Members []Member `json:"members"` // in their order
}

// Kind implements [Event].
func (WouldHave) Kind() string { return "would_have" }

func (e WouldHave) apply(r *Run, _ time.Time) { r.WouldHave = &e }
