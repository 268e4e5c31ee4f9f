package engine

import (
	"slices"
	"time"
)

// NoticeQueued says what people are to be told.
type NoticeQueued struct {
	To    string `json:"to"`
	Text  string `json:"text"`
	Page  bool   `json:"page,omitempty"`
	About string `json:"about,omitempty"` // id of the question whose answer makes it pointless
}

// Kind implements [Event].
func (NoticeQueued) Kind() string { return "notice_queued" }

func (e NoticeQueued) apply(r *Run, _ time.Time) {
	n := &Notice{N: len(r.Notices) + 1, To: e.To, Text: e.Text, Page: e.Page, About: e.About}
	r.Notices = append(slices.Clip(r.Notices), n)
}
