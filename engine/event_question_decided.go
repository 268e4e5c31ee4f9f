package engine

import (
	"slices"
	"time"
)

// QuestionDecided records the answer to a question, or that it expired.
type QuestionDecided struct {
	ID         string       `json:"id"`
	Question   QuestionKind `json:"question"`
	Path       string       `json:"path"`
	Digest     string       `json:"digest,omitempty"` // of a gate: what was shown to whom answered
	Choice     string       `json:"choice"`           // one of the question's choices, or expired
	By         string       `json:"by,omitempty"`
	Reason     string       `json:"reason,omitempty"`
	BreakGlass string       `json:"break_glass,omitempty"`
	ValidUntil time.Time    `json:"valid_until,omitzero"` // of an approval
	Via        Via          `json:"via,omitempty"`        // how the answer came; not said of one given on this machine

	OpenFor time.Duration `json:"open_for_ns,omitempty"` // less the time in which nobody could answer
	Asked   []Asked       `json:"asked,omitempty"`       // the roles that were asked, or have answered
}

// Kind implements [Event].
func (QuestionDecided) Kind() string { return "question_decided" }

func (e QuestionDecided) apply(r *Run, at time.Time) {
	var yes []Yes
	if q := r.Questions[e.ID]; q != nil { // who has broken the glass may have said yes before
		yes = slices.DeleteFunc(slices.Clone(q.Votes), func(y Yes) bool { return y.By == e.By })
		yes = append(yes, Yes{By: e.By, At: at})
	}
	r.close(e.ID, at)
	r.Answers = append(slices.Clip(r.Answers), Answered{Path: e.Path, Question: e.Question, Choice: e.Choice, By: e.By, At: at, OpenFor: e.OpenFor, Asked: e.Asked})
	switch {
	case e.Question == AskGate && e.Choice == ChoiceApprove:
		r.setGate(e.Path, func(g *Gate) {
			g.State, g.By, g.Yes, g.BreakGlass, g.ValidUntil = GateApproved, e.By, yes, e.BreakGlass, e.ValidUntil
		})
		r.Uncovered = false
	case e.Question == AskGate:
		r.setGate(e.Path, func(g *Gate) { g.State = GateIdle })
	case e.Question == AskAgain && e.Choice == ChoiceAgain:
		r.setGate(e.Path, func(g *Gate) { g.Voids = 0 })
	case e.Question == AskResume && e.Choice == ChoiceResume:
		r.Uncovered = false
	}
}
