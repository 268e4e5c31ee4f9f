package engine

import (
	"fmt"
	"slices"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// undoAgain schedules another try of an undo that is known not to have
// happened, and reports whether there is one.
func (d *decider) undoAgain(row *Row, step *runbook.Step, f Failure) bool {
	r := step.Undo.Retry
	if r == nil || row.tries+1 >= r.Attempts || !slices.Contains(r.On, f.Class) {
		return false
	}
	d.emit(UndoRetryScheduled{
		Path: row.Path, Attempt: row.Attempt, At: d.now.Add(pause(r, row.tries+1)), Class: f.Class, Reason: f.Reason,
	})
	return true
}

// putBack goes on after an undo that happened: its verify, or its end.
func (d *decider) putBack(row *Row, left string) {
	step := d.run.Book.Step(row.Path)
	if step.Undo.Verify == nil {
		d.emit(StepUndone{Path: row.Path, Attempt: row.Attempt, Left: left})
		return
	}
	d.verifyUndo(row, step, left)
}

func (d *decider) verifyUndo(row *Row, step *runbook.Step, left string) {
	v := step.Undo.Verify
	input, err := d.verifyInput(step.Frame, v, d.now)
	d.emit(UndoSamplingBegan{Path: row.Path, Attempt: row.Attempt, Input: input, Deadline: d.now.Add(v.Within), Left: left})
	if err != nil {
		d.undoVerdict(d.run.row(row.Path, row.Attempt), verdictInconclusive, err.Error())
	}
}

// undoSample takes one sample of the verify of an undo.
func (d *decider) undoSample(row *Row, o Outcome) {
	step := d.run.Book.Step(row.Path)
	v := step.Undo.Verify
	d.emit(UndoSampled{
		Path: row.Path, Attempt: row.Attempt, Sample: d.judged(step, v.Action, v.Until, o), Answer: o.Outputs, Next: d.now.Add(v.Every),
	})
	row = d.run.row(row.Path, row.Attempt)
	switch {
	case !holdsFor(row.samples, v.For):
	case row.unlocked:
		d.undoVerdict(row, verdictInconclusive, unlockedWhy)
	default:
		d.undoVerdict(row, verdictPassed, fmt.Sprintf("%s held for %s", v.Until.Source(), v.For))
	}
}

// undoSampledOut ends the verify of an undo whose time is over.
func (d *decider) undoSampledOut(row *Row) {
	verdict, why := d.counted(d.run.Book.Step(row.Path).Undo.Verify, row.samples)
	d.undoVerdict(row, verdict, why)
}

// undoVerdict acts on the verify of an undo. One that failed is an undo that
// failed: nothing takes back what takes back. Where it is not known, a person
// says.
func (d *decider) undoVerdict(row *Row, verdict, why string) {
	d.emit(UndoVerdict{Path: row.Path, Attempt: row.Attempt, Verdict: verdict, Why: why})
	switch verdict {
	case verdictPassed:
		d.emit(StepUndone{Path: row.Path, Attempt: row.Attempt, Left: row.undoneLeft})
	case verdictFailed:
		d.emit(UndoFailed{Path: row.Path, Attempt: row.Attempt, Class: "verify", Reason: "it was done, and does not hold: " + why})
	default:
		id := d.run.id(row.Path, row.Attempt, fmt.Sprintf("undo.verdict.ask.%d", row.N))
		d.emit(QuestionOpened{Question: Question{
			ID:   id,
			Kind: AskVerdict, Path: row.Path, Attempt: row.Attempt, Undo: true, OpenedAt: d.now,
			Text:  fmt.Sprintf("The verify of the undo of %s is %s: %s. What now?", d.label(row.Path), verdict, why),
			Roles: d.rolesOf(row.Path), Self: true, Choices: []string{ChoiceAgain, ChoiceAccept, ChoiceKeep},
		}})
		d.emit(NoticeQueued{To: d.pageTo(row.Path), Page: true, About: id, Text: fmt.Sprintf("the undo of %s was done, and nobody knows whether it works: %s", d.label(row.Path), why)})
	}
}

func (d *decider) undoVerdictChosen(row *Row, a Answer) {
	switch a.Choice {
	case ChoiceAgain:
		d.verifyUndo(row, d.run.Book.Step(row.Path), row.undoneLeft)
	case ChoiceAccept:
		d.emit(UndoVerdict{Path: row.Path, Attempt: row.Attempt, Verdict: verdictAccepted, Why: a.Reason, By: a.By})
		d.emit(StepUndone{Path: row.Path, Attempt: row.Attempt, Left: row.undoneLeft})
	default:
		d.emit(UndoFailed{Path: row.Path, Attempt: row.Attempt, Class: "verify", Reason: "nobody knows whether it works, and " + a.By + " left it so"})
	}
}
