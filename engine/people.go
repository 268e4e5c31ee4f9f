package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/policy"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// person takes what a person asks for. What is refused is recorded.
func (d *decider) person(in Person) error {
	what, reason := d.ask(in)
	if reason == "" {
		return nil
	}
	d.emit(InputRefused{By: in.Who(), What: what, Question: about(in), Reason: reason, Via: via(in)})
	return &Refusal{By: in.Who(), What: what, Reason: reason}
}

// ask routes a person's input and returns what it was, and why it is refused.
func (d *decider) ask(in Person) (what, refusal string) {
	if d.run.Ended() {
		return name(in), fmt.Sprintf("run %s has ended (%s); undo or start it again as a new run", d.run.Facts.ID, d.run.Word)
	}
	switch in := in.(type) {
	case Vote:
		return name(in), d.vote(in)
	case Withdraw:
		return name(in), d.withdraw(in)
	case Hand:
		return name(in), d.hand(in)
	case Extend:
		return name(in), d.extend(in)
	case Answer:
		return name(in), d.answer(in)
	case Provide:
		return name(in), d.provide(in)
	case Cancel:
		return name(in), d.cancel(in)
	case Skip:
		return name(in), d.skip(in)
	case UndoRun:
		return name(in), d.undoRun(in)
	case Halt:
		d.stopped(Stop{Kind: StopHalt, Service: in.Service, By: in.By, Reason: in.Reason})
		return name(in), ""
	case Hold:
		d.stopped(Stop{Kind: StopHold, Service: in.Service, By: in.By, Reason: in.Reason})
		return name(in), ""
	case TakeOver:
		return name(in), d.takeOver(in)
	case HandBack:
		return name(in), d.handBack(in)
	case BreakLock:
		return name(in), d.breakLock(in)
	case Lift:
		d.lift(in)
		return name(in), ""
	default:
		return name(in), "this version does not know what to do with it"
	}
}

// name is the verb of a person's input.
func name(in Person) string {
	switch in := in.(type) {
	case Vote:
		if in.Approve {
			return "approve"
		}
		return "deny"
	case Withdraw:
		return "withdraw"
	case Hand:
		return "hand"
	case Extend:
		return "extend"
	case Answer:
		return "resolve"
	case Provide:
		return "provide"
	case Cancel:
		return "cancel"
	case Skip:
		return "skip"
	case UndoRun:
		return "undo"
	case Halt:
		return "halt"
	case Hold:
		return "hold"
	case TakeOver:
		return "take over"
	case HandBack:
		return "hand back"
	case BreakLock:
		return "break the lock"
	case Lift:
		return "lift"
	default:
		return fmt.Sprintf("%T", in)
	}
}

// about is the id of the question that a person's input is about, if it is
// about one.
func about(in Person) string {
	switch in := in.(type) {
	case Vote:
		return in.Question
	case Answer:
		return in.Question
	case Provide:
		return in.Question
	case Hand:
		return in.Question
	case Extend:
		return in.Question
	default:
		return ""
	}
}

// rules are the facts that policy decides with.
func (d *decider) rules() policy.Facts { return rules(d.run.Facts) }

func rules(run Facts) policy.Facts {
	f := policy.Facts{Members: map[string][]string{}, BreakGlass: map[string]bool{}, Limits: map[string]policy.Limit{}}
	for name, role := range run.Roles {
		f.Members[name] = role.People
		f.BreakGlass[name] = role.BreakGlass
		if role.AtMost != nil {
			f.Limits[name] = *role.AtMost
		}
	}
	if run.Requester.Answers() {
		f.Requester = run.Requester.Name
	}
	return f
}

func (d *decider) answer(a Answer) string {
	q := d.run.Questions[a.Question]
	switch {
	case q == nil:
		return "that question is closed; `firebreak runs show " + d.run.Facts.ID + "` says what is open"
	case q.Kind == AskGate:
		return "a gate is answered with approve or deny"
	case q.Kind == AskValue:
		return "it asks for a value; `firebreak provide " + d.run.Facts.ID + " " + q.Path + " VALUE` gives it"
	case !slices.Contains(q.Choices, a.Choice):
		return fmt.Sprintf("%q is not a choice here; the choices are %s", a.Choice, strings.Join(q.Choices, ", "))
	}
	if refusal := d.mayDecide(a.By, q.Roles); refusal != "" {
		return refusal
	}
	d.emit(QuestionDecided{ID: q.ID, Question: q.Kind, Path: q.Path, Choice: a.Choice, By: a.By, Reason: a.Reason, Via: a.Via, OpenFor: d.openFor(q), Asked: d.asked(q, a.By)})
	switch q.Kind {
	case AskDoubt:
		d.resolve(q.Path, q.Attempt, q.Undo, a.By, Outcome{Effect: doubtEffect(a.Choice)})
	case AskVerdict:
		if q.Undo {
			d.undoVerdictChosen(d.run.row(q.Path, q.Attempt), a)
			return ""
		}
		d.verdictChosen(q.Path, a)
	case AskDrift:
		d.driftChosen(d.run.row(q.Path, q.Attempt), q, a)
	case AskAgain:
		if a.Choice == ChoiceAbort {
			d.notApproved(q, Cause{Kind: CauseRefused, Path: q.Path, Class: "denied", Reason: a.By + " said to stop asking", By: a.By})
		}
	case AskResume:
		if a.Choice == ChoiceKeep {
			d.emit(EffectKept{Path: q.Path, Attempt: q.Attempt, Why: "left as it is", By: a.By})
		}
	case AskLock:
		d.lockChosen(a)
	case AskGate, AskValue:
	}
	return ""
}

func doubtEffect(choice string) Effect {
	switch choice {
	case ChoiceHappened:
		return EffectApplied
	case ChoiceNot:
		return EffectNone
	case ChoicePartial:
		return EffectPartial
	default:
		return EffectUnknown
	}
}

func (d *decider) verdictChosen(path string, a Answer) {
	step := d.run.Book.Step(path)
	s := d.run.step(path)
	switch a.Choice {
	case ChoiceAgain:
		d.emit(VerifyVerdict{Path: path, By: a.By})
		d.verify(step, d.run.step(path))
	case ChoiceAccept:
		d.emit(VerifyVerdict{Path: path, Verdict: verdictAccepted, By: a.By, Why: a.Reason})
	default:
		d.notVerified(step, fmt.Sprintf("the verify was %s, and %s chose to %s", s.Verified, a.By, a.Choice), a.Choice == ChoiceKeep, a.By)
	}
}

func (d *decider) driftChosen(row *Row, q *Question, a Answer) {
	if a.Choice == ChoiceKeep {
		d.emit(EffectKept{Path: row.Path, Attempt: row.Attempt, Why: "changed by somebody else, left as it is", By: a.By})
		return
	}
	d.emit(UndoForced{Path: row.Path, Attempt: row.Attempt, By: a.By, Over: q.Found})
}

func (d *decider) cancel(c Cancel) string {
	if refusal := d.rules().MayStop(c.By); refusal != "" {
		return refusal
	}
	if d.run.Phase == PhaseFinally {
		return "the run is already ending"
	}
	if c.Undo && d.run.lockless() {
		return noLocks
	}
	reason := "cancelled by " + c.By
	if c.Reason != "" {
		reason += ": " + c.Reason
	}
	d.trouble(Cause{Kind: CauseCancel, Class: "cancelled", Reason: reason, By: c.By, Keep: !c.Undo, Undo: c.Undo, ReadOnly: true}, nil)
	return ""
}

func (d *decider) undoRun(u UndoRun) string {
	if d.run.Phase == PhaseFinally {
		return "the run is already ending; undo it when it has ended"
	}
	if refusal := d.mayDecide(u.By, d.rolesOf("")); refusal != "" {
		return refusal
	}
	if d.run.Facts.UndoOf != "" && d.run.Phase == PhaseRunning { // it may have no locks yet, and its gate is for others than who asked
		return fmt.Sprintf("the run undoes run %s; its question is whether it may", d.run.Facts.UndoOf)
	}
	if d.run.lockless() {
		return noLocks
	}
	d.emit(UndoAsked{By: u.By, Reason: u.Reason})
	d.trouble(Cause{Kind: CauseUndo, Class: "undo", Reason: "undo asked for by " + u.By, By: u.By, All: true, ReadOnly: true}, nil)
	return ""
}

func (d *decider) skip(in Skip) string {
	path := in.Path
	if s := d.run.Book.ByID(path); s != nil {
		path = s.Path
	}
	step := d.run.Book.Step(path)
	if step == nil {
		return fmt.Sprintf("there is no step %s", in.Path)
	}
	if refusal := d.mayDecide(in.By, d.rolesOf(path)); refusal != "" {
		return refusal
	}
	why := "skipped by " + in.By
	if in.Reason != "" {
		why += ": " + in.Reason
	}
	if row := d.undoRow(path); row != nil && d.run.Phase == PhaseUndoing {
		switch {
		case row.Undoing != UndoIdle && row.Undoing != UndoGuard && row.Undoing != UndoAsk:
			return "its undo is in flight or in doubt"
		case !row.dirty() && (row.State != RowCommitted || !d.run.Cause.All):
			return "there is nothing to undo"
		}
		d.emit(EffectKept{Path: path, Attempt: row.Attempt, Why: why, By: in.By})
		return ""
	}
	s := d.run.step(path)
	switch {
	case s.Done():
		return fmt.Sprintf("%s is already %s", path, s.Status)
	case d.over(step):
		return fmt.Sprintf("the run is %s, and no longer comes to %s", d.run.Phase, path)
	case s.Doing == DoingVerify || s.Doing == DoingVerdict:
		d.emit(VerifyVerdict{Path: path, Verdict: verdictAccepted, By: in.By, Why: why})
		return ""
	case d.openUnder(path):
		return "a change is in flight or in doubt; cancel the run, or resolve the doubt"
	case d.intendedUnder(path):
		return "it has begun to change something; cancel the run instead, with --undo if need be"
	}
	d.emit(StepSkipped{Path: path, Why: why, By: in.By})
	return ""
}

// mayDecide says whether a person is in one of the roles. Where no role is
// configured, who started the run decides.
func (d *decider) mayDecide(person string, roles []string) (refusal string) {
	if len(roles) == 0 {
		return d.rules().MayStop(person)
	}
	_, refusal = d.rules().MayAnswer(person, roles, true, "")
	return refusal
}

// over reports whether the run has left the part that a step belongs to.
func (d *decider) over(step *runbook.Step) bool {
	switch r := &d.run; {
	case within(step.Path, "finally"):
		return false
	case within(step.Path, "on_failure"):
		return r.Reached == PhaseFinally || r.Reached == PhaseOnFailure && r.Phase != PhaseOnFailure
	default:
		return r.Phase != PhaseRunning
	}
}
