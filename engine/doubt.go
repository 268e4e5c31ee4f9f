package engine

import (
	"fmt"
	"time"
)

// lost records that nobody knows what became of a mutation, and until when
// its effect could still arrive.
func (d *decider) lost(path string, attempt int, class, reason string) {
	step := d.run.Book.Step(path)
	d.emit(EffectLost{
		Path: path, Attempt: attempt, Class: class, Reason: reason, Until: d.now.Add(step.Action.SettlesIn),
	})
	if step.Action.SettlesIn == 0 {
		d.fenced(path, attempt, false)
	}
}

// fenced goes on once nothing of a lost call can arrive any more: its plugin
// is asked what became of it, or a person.
func (d *decider) fenced(path string, attempt int, undo bool) {
	action := d.run.Book.Step(path).Action
	if undo {
		action = d.run.Book.Step(path).Undo.Action
	}
	if action.Probe {
		d.emit(ProbeBegan{Path: path, Attempt: attempt, Undo: undo})
		return
	}
	why := d.run.row(path, attempt).Why
	if !undo {
		why = d.run.step(path).Failure.Reason
	}
	if undo {
		d.undoDoubt(path, attempt, why)
		return
	}
	d.doubt(path, attempt, why)
}

// doubt asks a person what became of a mutation.
func (d *decider) doubt(path string, attempt int, why string) {
	d.emit(InDoubt{Path: path, Attempt: attempt, Why: why})
	d.askDoubt(path, attempt, why, false)
}

func (d *decider) undoDoubt(path string, attempt int, why string) {
	d.emit(InDoubt{Path: path, Attempt: attempt, Undo: true, Why: why})
	d.askDoubt(path, attempt, why, true)
}

func (d *decider) askDoubt(path string, attempt int, why string, undo bool) {
	what := "the action of " + d.label(path)
	name := "doubt.ask"
	if undo {
		what, name = "the undo of "+d.label(path), "undo.ask"
	}
	id := d.run.id(path, attempt, name)
	d.emit(QuestionOpened{Question: Question{
		ID: id, Kind: AskDoubt, Path: path, Attempt: attempt, Undo: undo,
		Text:  fmt.Sprintf("It is not known whether %s happened: %s. Look, and say what you found.", what, why),
		Roles: d.rolesOf(path), Self: true, OpenedAt: d.now,
		Choices: []string{ChoiceHappened, ChoiceNot, ChoicePartial, ChoiceUnknown},
	}})
	d.emit(NoticeQueued{To: d.pageTo(path), Page: true, About: id, Text: fmt.Sprintf("%s is in doubt: %s", what, why)})
}

// pageTo is who is paged about a step: its gate's first role, else the
// service's owner.
func (d *decider) pageTo(path string) string {
	if rs := d.gateRoles(path); len(rs) > 0 {
		return rs[0]
	}
	return d.run.Owner()
}

// probed takes a plugin's word on a lost call.
func (d *decider) probed(c Probe, o Outcome) {
	if o.Effect == EffectUnknown || o.Effect == "" {
		why := "the plugin cannot tell"
		if o.Failure != nil {
			why = o.Failure.Reason
		}
		if c.undo {
			d.undoDoubt(c.Path, c.attempt, why)
		} else {
			d.doubt(c.Path, c.attempt, why)
		}
		return
	}
	d.resolve(c.Path, c.attempt, c.undo, "probe", o)
}

// resolve settles a doubt and goes on as if the outcome had come in time.
func (d *decider) resolve(path string, attempt int, undo bool, by string, o Outcome) {
	if undo {
		d.emit(DoubtResolved{Path: path, Attempt: attempt, Undo: true, By: by, Outcome: o})
		d.undoSettled(d.run.row(path, attempt), o)
		return
	}
	lost := *d.run.step(path).Failure
	if o.Failure != nil {
		lost = *o.Failure
	} else if o.Effect != EffectApplied {
		o.Failure = &lost
	}
	d.emit(DoubtResolved{Path: path, Attempt: attempt, By: by, Outcome: o})
	step := d.run.Book.Step(path)
	switch {
	case o.Effect == EffectUnknown:
		d.fail(step, lost.Class, "what became of it is not known: "+lost.Reason)
	case o.Effect == EffectNone:
		d.failed(step, attempt, lost, EffectNone)
	case o.Effect == EffectPartial:
		lost.Reason = "only a part was done: " + lost.Reason
		d.failed(step, attempt, lost, EffectPartial)
	case o.Failure != nil:
		d.failed(step, attempt, lost, o.Effect)
	}
}

// late takes the outcome of a call that nothing waits for any more. It
// resolves an open doubt; what was decided otherwise stays decided.
func (d *decider) late(in Returned) error {
	in.Outcome = in.Outcome.said()
	for _, row := range d.run.Ledger {
		switch {
		case d.run.Facts.UndoOf == "" && in.ID == d.run.id(row.Path, row.Attempt, "act"):
			s := d.run.step(row.Path)
			return d.lateFor(in, row, s.Attempt == row.Attempt && s.lost(), false)
		case row.undos > 0 && in.ID == d.run.undoID(row):
			return d.lateFor(in, row, row.Undoing == UndoFence || row.Undoing == UndoProbe || row.Undoing == UndoDoubt, true)
		}
	}
	return ErrStale
}

// lateFor resolves a doubt that is open; an outcome that differs from what
// was decided is recorded, and somebody told. One that says the same, or
// comes again, is only stale.
func (d *decider) lateFor(in Returned, row *Row, open, undo bool) error {
	effect, taken := in.Outcome.Effect, row.effect()
	if undo {
		taken = EffectNone
		if row.State == RowUndone {
			taken = EffectApplied
		}
	}
	switch {
	case effect == EffectUnknown:
		return ErrStale
	case open:
		d.resolve(row.Path, row.Attempt, undo, "late_result", in.Outcome)
		return nil
	case effect == taken || taken == EffectUndone || d.run.late[in.ID]:
		return ErrStale
	}
	contradicts := taken != EffectUnknown
	d.emit(LateResult{ID: in.ID, Outcome: in.Outcome, Contradicts: contradicts})
	d.emit(NoticeQueued{
		To: d.pageTo(row.Path), Page: contradicts,
		Text: fmt.Sprintf("%s answered late and says %s; it had been taken as %s", in.ID, effect, taken),
	})
	return nil
}

// lost reports whether nobody knows yet what became of the step's attempt.
func (s *Step) lost() bool {
	return s.Doing == DoingFence || s.Doing == DoingProbe || s.Doing == DoingDoubt
}

// undoValidFor is how long an approval of an undo run holds.
const undoValidFor = 10 * time.Minute
