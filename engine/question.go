package engine

import (
	"fmt"
	"strings"
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
	AskLock    QuestionKind = "lock"       // relock | end
	AskValue   QuestionKind = "value"      // a value of a type
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
	Choices  []string     `json:"choices,omitempty"`
	Value    string       `json:"value,omitempty"`   // of an ask step: the type of what is asked for
	Members  []Member     `json:"members,omitempty"` // of a gate: what would be done, in order
	Kept     []Kept       `json:"kept,omitempty"`    // of a run that undoes another: what stays changed, whatever is said
	Changed  []string     `json:"changed,omitempty"` // what differs from the question before
	OpenedAt time.Time    `json:"opened_at"`
	Expires  time.Time    `json:"expires,omitzero"` // zero: never
	Undo     bool         `json:"undo,omitempty"`   // it is about an undo
	Found    string       `json:"found,omitempty"`  // of an undo that finds its target changed: the fingerprint that it would overwrite
	Attempt  int          `json:"attempt,omitempty"`
	Early    bool         `json:"early,omitempty"`  // its turn has not come: nothing waits for it yet
	Frozen   string       `json:"frozen,omitempty"` // of a gate: the freeze that stands; a yes takes broken glass, and nobody is waited for

	Quorum     int          `json:"quorum,omitempty"`    // of a gate: how many must say yes
	Votes      []Yes        `json:"votes,omitempty"`     // those that did, while more are needed
	Handed     []Handed     `json:"handed,omitempty"`    // who has handed the answer to whom
	Escalates  []Escalation `json:"escalates,omitempty"` // who is asked later, and when
	Extensions int          `json:"extensions,omitempty"`
	Looked     []Look       `json:"looked,omitempty"` // who of those who may answer has looked at it, and when first

	since, turn time.Time // when it was opened, and when its turn came, less the time in which nobody could answer
}

// Waited is how long people were waited for about one step.
type Waited struct {
	Asked time.Duration // that its questions were open
	Held  time.Duration // of that, while it was their turn
}

// Yes is a vote that counts towards a quorum.
type Yes struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// Handed is an answer that somebody who may give it has handed to somebody
// else.
type Handed struct {
	By string `json:"by"`
	To string `json:"to"`
}

// Escalation is a role that is asked when nobody has answered by a time. It
// may answer before that, too.
type Escalation struct {
	Role  string    `json:"role"`
	At    time.Time `json:"at"`
	Asked bool      `json:"asked,omitempty"`
}

// Member is one action that a gate covers.
type Member struct {
	Path   string   `json:"path"`
	OnlyIf []string `json:"only_if,omitempty"` // conditions that steps behind the same gate decide: else it is passed over
	Shown
}

// Kept is a change that a run which undoes another cannot undo.
type Kept struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

const (
	planShown = 12 // characters of a digest that people are shown
	planSaid  = 8  // and that they must say
)

// Plan is the beginning of a question's digest, by which people name what they
// say yes to.
func (q *Question) Plan() string {
	hex := digits(q.Digest)
	return hex[:min(len(hex), planShown)]
}

// OtherPlan says why a yes to the plan that somebody names, by its digest or
// the beginning of it, is none to this question; empty: it is one.
func (q *Question) OtherPlan(named string) string {
	named = digits(named)
	switch {
	case len(named) < planSaid:
		return fmt.Sprintf("a plan is named by %d characters of its digest at least, as it is shown", planSaid)
	case strings.HasPrefix(digits(q.Digest), named):
		return ""
	}
	return fmt.Sprintf("plan %s is not what would be done now, which is plan %s%s", named[:min(len(named), planShown)], q.Plan(), q.differs())
}

// differs is what differs from the question before, to be said of an answer to
// that; empty where there was none.
func (q *Question) differs() string {
	if len(q.Changed) == 0 {
		return ""
	}
	return "; since it was last asked: " + strings.Join(q.Changed, "; ")
}

// digits are those of a digest, without the name of its hash.
func digits(digest string) string {
	if _, hex, ok := strings.Cut(digest, ":"); ok {
		digest = hex
	}
	return strings.ToLower(digest)
}

// others is how many people besides one have said yes.
func (q *Question) others(person string) int {
	n := 0
	for _, y := range q.Votes {
		if y.By != person {
			n++
		}
	}
	return n
}

// open adds a question; at is when.
func (r *Run) open(q Question, at time.Time) {
	q.since, q.turn = at, at
	r.Questions = owned(r.Questions, &r.own.questions)
	r.Questions[q.ID] = &q
	r.repause(at)
}

// change replaces an open question by what to makes of a copy.
func (r *Run) change(id string, to func(*Question)) {
	q := r.Questions[id]
	if q == nil {
		return
	}
	c := *q
	to(&c)
	r.Questions = owned(r.Questions, &r.own.questions)
	r.Questions[id] = &c
}

// close removes a question and counts how long people were waited for.
func (r *Run) close(id string, at time.Time) {
	q := r.Questions[id]
	if q == nil {
		return
	}
	r.Questions = owned(r.Questions, &r.own.questions)
	delete(r.Questions, id)
	waited := r.Waited[q.Path]
	waited.Asked += max(at.Sub(q.since), 0)
	if !q.Early && q.Frozen == "" {
		waited.Held += max(at.Sub(q.turn), 0)
	}
	r.Waited = owned(r.Waited, &r.own.waited)
	r.Waited[q.Path] = waited
	r.repause(at)
}

// asked reports whether the run waits for people: a question is open, its
// turn has come, and it is not frozen.
func (r *Run) asked() bool {
	for _, q := range r.Questions {
		if !q.Early && q.Frozen == "" {
			return true
		}
	}
	return false
}

// frozen reports whether the run waits for the end of a freeze.
func (r *Run) frozen() bool {
	for _, q := range r.Questions {
		if !q.Early && q.Frozen != "" {
			return true
		}
	}
	return false
}

// paused reports whether what timeouts do not count is waited for.
func (r *Run) paused() bool { return r.asked() || r.frozen() || r.Stopped() }

// closeAbout removes every open question about a path.
func (r *Run) closeAbout(path string, at time.Time) {
	for id, q := range r.Questions {
		if q.Path == path {
			r.close(id, at)
		}
	}
}

// repause keeps the account of the time of people, and of that which timeouts
// do not count.
func (r *Run) repause(at time.Time) {
	asked := r.asked()
	if !r.Asking.IsZero() {
		r.AskedFor += max(at.Sub(r.Asking), 0)
		r.Asking = time.Time{}
	}
	if asked {
		r.Asking = at
	}
	if !r.pausedSince.IsZero() {
		r.PausedFor += max(at.Sub(r.pausedSince), 0)
		r.pausedSince = time.Time{}
	}
	if r.paused() {
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
