package engine

import (
	"slices"
	"time"
)

// Look is that somebody who may answer a question has looked at it.
type Look struct {
	By string    `json:"by"`
	At time.Time `json:"at"` // for the first time; after a crash less the time in which nobody could
}

// Answered is a question that was decided.
type Answered struct {
	Path     string
	Question QuestionKind
	Choice   string // empty: a value was given
	By       string // empty: nobody answered in time
	At       time.Time
	OpenFor  time.Duration // less the time in which nobody could answer
	Asked    []Asked
}

// Asked is a role that was asked a question, and how long it took, from when it
// was asked.
type Asked struct {
	Role     string         `json:"role"`
	Looked   *time.Duration `json:"looked_ns,omitempty"`   // until somebody of it looked; nil: nobody has
	Answered *time.Duration `json:"answered_ns,omitempty"` // until a word of somebody of it counted; nil: none has
}

// look notes that somebody has looked.
func (q *Question) look(by string, at time.Time) {
	if !slices.ContainsFunc(q.Looked, func(l Look) bool { return l.By == by }) {
		q.Looked = append(slices.Clip(q.Looked), Look{By: by, At: at})
	}
}

// lookedAt takes note of who looks at a question, of those who may answer it.
func (d *decider) lookedAt(in LookedAt) error {
	q := d.run.Questions[in.Question]
	switch {
	case q == nil:
		return ErrStale
	case slices.ContainsFunc(q.Looked, func(l Look) bool { return l.By == in.By }):
		return nil
	}
	var refusal string
	if q.Kind == AskGate || q.Kind == AskValue {
		_, refusal = d.mayVote(in.By, q, q.Self, "")
	} else {
		refusal = d.mayDecide(in.By, q.Roles)
	}
	if refusal == "" {
		d.emit(QuestionSeen{ID: q.ID, Path: q.Path, By: in.By, Via: in.Via})
	}
	return nil
}

// openFor is how long a question that is decided now was open.
func (d *decider) openFor(q *Question) time.Duration { return max(d.now.Sub(q.since), 0) }

// asked is how long the roles of a question took that is decided now, by
// somebody or (empty) by silence: of those that were asked, and of one that has
// answered before it was.
func (d *decider) asked(q *Question, by string) []Asked {
	looks, words := q.Looked, q.Votes
	if by != "" {
		looks = append(slices.Clip(looks), Look{By: by, At: d.now})
		words = append(slices.Clip(words), Yes{By: by, At: d.now})
	}
	var out []Asked
	for _, role := range q.Roles {
		since, later := q.since, false
		for _, e := range q.Escalates {
			if e.Role == role {
				since, later = e.At, !e.Asked
			}
		}
		if later { // what its people did all the same took from the beginning
			since = q.since
		}
		a := Asked{Role: role}
		of := d.speakFor(role, q.Handed)
		if i := slices.IndexFunc(looks, func(l Look) bool { return slices.Contains(of, l.By) }); i >= 0 {
			a.Looked = after(since, looks[i].At)
		}
		if i := slices.IndexFunc(words, func(y Yes) bool { return slices.Contains(of, y.By) }); i >= 0 {
			a.Answered = after(since, words[i].At)
		}
		if !later || a.Looked != nil {
			out = append(out, a)
		}
	}
	return out
}

func after(since, at time.Time) *time.Duration {
	took := max(at.Sub(since), 0)
	return &took
}

// speakFor are the people of a role, and those to whom they have left the
// answer.
func (d *decider) speakFor(role string, handed []Handed) []string {
	people := slices.Clone(d.run.Facts.Roles[role].People)
	for _, h := range handed {
		if slices.Contains(people, h.By) {
			people = append(people, h.To)
		}
	}
	return people
}
