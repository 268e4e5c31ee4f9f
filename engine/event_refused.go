package engine

import "time"

// InputRefused records what an authenticated person asked for in vain.
type InputRefused struct {
	By       string `json:"by"`
	What     string `json:"what"`
	Question string `json:"question,omitempty"` // the id of the one that it was about
	Reason   string `json:"reason"`
	Via      Via    `json:"via,omitempty"` // how it came; not said of what was said on this machine
}

// Kind implements [Event].
func (InputRefused) Kind() string { return "refused" }

func (InputRefused) apply(*Run, time.Time) {}
