package engine

import "time"

// StopLifted says that a stop is over.
type StopLifted struct {
	By string `json:"by"`
}

// Kind implements [Event].
func (StopLifted) Kind() string { return "stop_lifted" }

func (e StopLifted) apply(r *Run, at time.Time) {
	r.Stop = nil
	r.repause(at)
}
