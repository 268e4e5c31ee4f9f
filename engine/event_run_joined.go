package engine

import "time"

// RunJoined says that another run, which would have done the same, has left it
// to this one.
type RunJoined struct {
	Run       string    `json:"run"`
	Requester Requester `json:"requester"`
}

// Kind implements [Event].
func (RunJoined) Kind() string { return "run_joined" }

func (RunJoined) apply(*Run, time.Time) {}
