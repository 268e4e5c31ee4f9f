package engine

import "time"

// RunBarred says that a rule bars the run from changes, which it has begun
// none of.
type RunBarred struct {
	Bar Bar `json:"bar"`
}

// Kind implements [Event].
func (RunBarred) Kind() string { return "run_barred" }

func (e RunBarred) apply(r *Run, _ time.Time) { r.Bar = &e.Bar }
