package engine

import (
	"maps"
	"time"
)

// QuestionKind says what is asked.
type QuestionKind string

// The kinds of question.
const (
	AskGate    QuestionKind = "gate"       // approve | deny
	AskVerdict QuestionKind = "verdict"    // again | accept | keep | undo
	AskDoubt   QuestionKind = "doubt"      // happened | not | partial | unknown
	AskDrift   QuestionKind = "undo_drift" // force | keep
	AskAgain   QuestionKind = "again"      // again | abort
	AskResume  QuestionKind = "resume"     // resume | keep
)

// Question is an open question to people.
type Question struct {
	ID       string       `json:"id"` // run/path#attempt/ask.n
	Kind     QuestionKind `json:"kind"`
	Path     string       `json:"path"`
	Text     string       `json:"text"`
	Digest   string       `json:"digest,omitempty"` // what a vote must carry
	Roles    []string     `json:"roles"`
	Self     bool         `json:"self,omitempty"` // the requester may answer
	Choices  []string     `json:"choices"`
	Members  []Member     `json:"members,omitempty"` // of a gate: what would be done, in order
	Changed  []string     `json:"changed,omitempty"` // what differs from the question before
	OpenedAt time.Time    `json:"opened_at"`
	Expires  time.Time    `json:"expires,omitzero"` // zero: never
	Undo     bool         `json:"undo,omitempty"`   // it is about an undo
	Attempt  int          `json:"attempt,omitempty"`
}

// Member is one action that a gate covers.
type Member struct {
	Path string `json:"path"`
	Shown
}

// open adds a question; at is when.
func (r *Run) open(q Question, at time.Time) {
	m := maps.Clone(r.Questions)
	if m == nil {
		m = map[string]*Question{}
	}
	m[q.ID] = &q
	r.Questions = m
	if r.Asking.IsZero() {
		r.Asking = at
	}
	r.repause(at)
}

// close removes a question and counts how long people were waited for.
func (r *Run) close(id string, at time.Time) {
	if r.Questions[id] == nil {
		return
	}
	m := maps.Clone(r.Questions)
	delete(m, id)
	r.Questions = m
	if len(m) == 0 && !r.Asking.IsZero() {
		if d := at.Sub(r.Asking); d > 0 {
			r.AskedFor += d
		}
		r.Asking = time.Time{}
	}
	r.repause(at)
}

// closeAbout removes every open question about a path.
func (r *Run) closeAbout(path string, at time.Time) {
	for id, q := range r.Questions {
		if q.Path == path {
			r.close(id, at)
		}
	}
}

// repause keeps the account of the time that timeouts do not count.
func (r *Run) repause(at time.Time) {
	if !r.pausedSince.IsZero() {
		if d := at.Sub(r.pausedSince); d > 0 {
			r.PausedFor += d
		}
		r.pausedSince = time.Time{}
	}
	if len(r.Questions) > 0 || r.Stop != nil {
		r.pausedSince = at
	}
}

// pausedFor is how long people or a stop were waited for until a time.
func (r *Run) pausedFor(at time.Time) time.Duration {
	if r.pausedSince.IsZero() || at.Before(r.pausedSince) {
		return r.PausedFor
	}
	return r.PausedFor + at.Sub(r.pausedSince)
}

// question returns the open question of a kind about a path, or nil.
func (r *Run) question(kind QuestionKind, path string) *Question {
	for _, q := range r.Questions {
		if q.Kind == kind && q.Path == path {
			return q
		}
	}
	return nil
}
