package engine

import (
	"slices"
	"time"
)

// NoticeSent says that people were told, or why they could not be.
type NoticeSent struct {
	N     int    `json:"n"`
	Error string `json:"error,omitempty"`
}

// Kind implements [Event].
func (NoticeSent) Kind() string { return "notice_sent" }

func (e NoticeSent) apply(r *Run, _ time.Time) {
	r.Notices = slices.Clone(r.Notices)
	for i, n := range r.Notices {
		if n.N == e.N {
			c := *n
			c.Sent = true
			r.Notices[i] = &c
		}
	}
}
