package engine

import "time"

// QuestionOpened says that people are asked.
type QuestionOpened struct {
	Question Question `json:"question"`
}

// Kind implements [Event].
func (QuestionOpened) Kind() string { return "question_opened" }

func (e QuestionOpened) apply(r *Run, at time.Time) {
	q := e.Question
	r.open(q, at)
	switch q.Kind {
	case AskGate:
		r.setGate(q.Path, func(g *Gate) {
			g.State, g.Shown = GateOpen, map[string]Shown{}
			for _, m := range q.Members {
				g.Shown[m.Path] = m.Shown
			}
		})
	case AskVerdict:
		if q.Undo {
			r.setRow(q.Path, q.Attempt, func(row *Row) { row.Undoing = UndoVerdictAsk })
			return
		}
		r.setStep(q.Path, func(s *Step) { s.Doing = DoingVerdict })
	case AskDrift:
		r.setRow(q.Path, q.Attempt, func(row *Row) { row.Undoing = UndoAsk })
	case AskDoubt, AskAgain, AskResume, AskLock, AskValue:
	}
}
