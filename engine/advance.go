package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// advance takes every step that needs no input, until none is left.
func (d *decider) advance() {
	for d.once() {
	}
}

// once takes one step forward and reports whether there was one.
func (d *decider) once() bool {
	if !d.run.Ended() && d.askRelock() {
		return true
	}
	switch d.run.Phase {
	case PhaseRunning:
		if d.run.Facts.UndoOf != "" {
			return d.undoRunGate()
		}
		return d.phase(d.run.Book.Steps, PhaseFinally) || d.early()
	case PhaseStopping:
		return d.stopping()
	case PhaseUndoing:
		return d.undoing()
	case PhaseOnFailure:
		return d.phase(d.run.Book.OnFailure, PhaseFinally)
	case PhaseFinally:
		return d.phase(d.run.Book.Finally, PhaseEnded)
	default:
		return false
	}
}

// phase advances a list of top-level steps, and then the run.
func (d *decider) phase(steps []*runbook.Step, next Phase) bool {
	moved, done := d.list(steps)
	if moved || !done {
		return moved
	}
	if d.runOutputs() {
		return true
	}
	if next == PhaseEnded {
		return d.end()
	}
	d.emit(PhaseEntered{Phase: next})
	return true
}

// list advances steps that run in order. moved: something was decided; done:
// all have ended.
func (d *decider) list(steps []*runbook.Step) (moved, done bool) {
	for _, step := range steps {
		if d.run.step(step.Path).Done() {
			continue
		}
		return d.step(step), false
	}
	return false, true
}

// parallel advances steps that run side by side.
func (d *decider) parallel(steps []*runbook.Step) (moved, done bool) {
	done = true
	for _, step := range steps {
		if d.run.step(step.Path).Done() {
			continue
		}
		done = false
		if d.step(step) {
			return true, false
		}
	}
	return false, done
}

// step advances one step and reports whether something was decided.
func (d *decider) step(step *runbook.Step) bool {
	s := d.run.step(step.Path)
	if s.Status == StatusPending {
		return d.begin(step)
	}
	if step.Group() {
		return d.group(step, s)
	}
	if s.Doing != DoingNothing {
		return false
	}
	if s.ActedAt.IsZero() {
		return d.perform(step, s)
	}
	return d.settled(step, s)
}

// begin evaluates a step's condition and starts it or passes it over.
func (d *decider) begin(step *runbook.Step) bool {
	if d.readOnly() && step.Mutates() {
		why := "only reads are made now: something is left changed, or the run was cancelled"
		if d.run.Bar != nil {
			why = barWhy
		}
		d.emit(StepSkipped{Path: step.Path, Why: why})
		return true
	}
	if step.Of != nil && !d.run.called(step.Of.Path) {
		d.emit(StepSkipped{Path: step.Path, Why: step.Of.Path + " was not called"})
		return true
	}
	if step.If != nil {
		ok, err := step.If.Bool(d.vars(step.Frame, nil, step.If))
		if err != nil {
			d.emit(StepStarted{Path: step.Path})
			d.fail(step, "expression", err.Error())
			return true
		}
		if !ok {
			d.emit(StepSkipped{Path: step.Path, Why: SkippedByCondition})
			return true
		}
	}
	d.emit(StepStarted{Path: step.Path})
	d.due(step)
	return true
}

// readOnly reports whether handlers may only read.
func (d *decider) readOnly() bool {
	r := &d.run
	if r.Phase != PhaseOnFailure && r.Phase != PhaseFinally {
		return false
	}
	return r.UndoEnded || r.Bar != nil || (r.Cause != nil && r.Cause.ReadOnly)
}

// changes reports whether a step is a mutation or holds one.
func changes(step *runbook.Step) bool {
	return step.Mutates() || slices.ContainsFunc(step.Steps, changes)
}

// group advances a group: its gate, its guard, its steps, its verify.
func (d *decider) group(step *runbook.Step, s *Step) bool {
	switch s.Doing {
	case DoingNothing:
		if !s.ActedAt.IsZero() {
			return d.settled(step, s)
		}
		if d.prepare(step) {
			return true
		}
		if moved, open := d.passGate(step); !open {
			return moved
		}
		if step.Guard != nil && !s.Guarded {
			return d.guard(step)
		}
		d.emit(GroupEntered{Path: step.Path})
		return true
	case DoingChildren:
		return d.children(step)
	default:
		return false
	}
}

// children advances the members of a group. A gate that was voided after the
// group had begun is asked again when the turn of a mutation comes.
func (d *decider) children(step *runbook.Step) bool {
	var moved, done bool
	switch step.Kind {
	case runbook.KindParallel:
		moved, done = d.parallel(step.Steps)
	case runbook.KindForeach:
		moved, done = d.window(step)
	default:
		moved, done = d.list(step.Steps)
	}
	if moved || !done {
		return moved
	}
	if d.returned(step) {
		return true
	}
	d.emit(GroupDone{Path: step.Path})
	return true
}

// perform begins what a step does, once its turn has come.
func (d *decider) perform(step *runbook.Step, s *Step) bool {
	switch step.Kind {
	case runbook.KindNotify:
		return d.notify(step)
	case runbook.KindSet:
		return d.set(step)
	case runbook.KindFail:
		return d.failStep(step)
	case runbook.KindWait:
		return d.wait(step)
	case runbook.KindAsk:
		return d.askValue(step)
	case runbook.KindAction:
		if step.Mutates() {
			return d.mutation(step)
		}
		return d.reading(step, s)
	default:
		return false
	}
}

func (d *decider) notify(step *runbook.Step) bool {
	text, err := d.text(step.Frame, step.Text)
	if err != nil {
		text = fmt.Sprintf("(the text of %s could not be made: %v)", step.Path, err)
	}
	d.emit(NoticeQueued{To: step.To, Text: text})
	d.emit(StepSucceeded{Path: step.Path})
	return true
}

func (d *decider) set(step *runbook.Step) bool {
	values := map[string]json.RawMessage{}
	for _, a := range step.Set {
		raw, err := d.value(step.Frame, a.Value)
		if err != nil {
			d.fail(step, "expression", err.Error())
			return true
		}
		values[a.Name] = raw
	}
	d.emit(VarsSet{Path: step.Path, Values: values})
	d.emit(StepSucceeded{Path: step.Path})
	return true
}

func (d *decider) failStep(step *runbook.Step) bool {
	text, err := d.text(step.Frame, step.Text)
	if err != nil {
		text = err.Error()
	}
	d.emit(NoticeQueued{To: d.run.Owner(), Text: text, Page: true})
	d.fail(step, "failed", text)
	return true
}

func (d *decider) wait(step *runbook.Step) bool {
	if step.Uses == "" {
		d.emit(WaitBegan{Path: step.Path, Until: d.now.Add(step.For)})
		return true
	}
	input, err := d.input(step.Frame, step.With)
	if err != nil {
		d.fail(step, "expression", err.Error())
		return true
	}
	d.emit(SamplingBegan{Path: step.Path, Wait: true, Input: input, Deadline: d.now.Add(step.Within)})
	return true
}

// reading begins an attempt of a step that changes nothing.
func (d *decider) reading(step *runbook.Step, s *Step) bool {
	if moved, open := d.passGate(step); !open {
		return moved
	}
	if step.Guard != nil && !s.Guarded {
		return d.guard(step)
	}
	input, err := d.input(step.Frame, step.With)
	if err != nil {
		d.fail(step, "expression", err.Error())
		return true
	}
	d.emit(ReadBegan{Path: step.Path, Attempt: max(s.Attempt, 1), Input: input, Deadline: d.now.Add(limit(step, readTimeout))})
	return true
}

// settled decides what follows once the step's own action, or the last step
// of a group, has ended well: its verify, or its end.
func (d *decider) settled(step *runbook.Step, s *Step) bool {
	v := step.Verify
	passed := s.Verified == verdictPassed || s.Verified == verdictAccepted
	if v == nil || v.None != "" || passed || d.readOnly() && changes(step) {
		d.succeed(step)
		return true
	}
	return d.verify(step, s)
}

// succeed ends a step well; at the top level what it changed is committed.
func (d *decider) succeed(step *runbook.Step) {
	d.emit(StepSucceeded{Path: step.Path})
	if step.Parent != nil {
		return
	}
	for _, row := range d.run.Ledger {
		if within(row.Path, step.Path) && row.State == RowApplied {
			d.emit(Committed{Path: step.Path})
			return
		}
	}
}

// fail ends a step badly, and the run with it where nothing forgives it:
// optional forgives what has had no effect, finally goes on.
func (d *decider) fail(step *runbook.Step, class, reason string) {
	effect := d.run.effect(step.Path)
	d.emit(StepFailed{Path: step.Path, Class: class, Reason: reason, Effect: effect})
	forgiven := effect == EffectNone && (step.Optional || d.run.Phase == PhaseFinally && step.Parent == nil)
	if forgiven || d.run.Phase == PhaseStopping {
		return
	}
	if item := d.forgives(step); item != nil {
		d.emit(StepFailed{Path: item.Path, Class: class, Reason: step.Path + ": " + reason, Effect: EffectNone})
		return
	}
	d.troubleAt(step.Path, class, reason)
}

// troubleAt ends the forward path because of a failure at a step, or of the
// whole run.
func (d *decider) troubleAt(path, class, reason string) {
	d.trouble(
		Cause{Kind: CauseFailure, Path: path, Class: class, Reason: reason},
		&RunFailure{Step: path, Class: class, Reason: reason, Effect: d.run.effect(path)},
	)
}

func (d *decider) trouble(c Cause, f *RunFailure) { d.emit(Troubled{Cause: c, Failure: f}) }

func (d *decider) vars(f *runbook.Frame, result any, readers ...*expr.Program) expr.Vars {
	return d.run.vars(f, result, readers...)
}

// input evaluates a `with`; without one the input is an empty object.
func (d *decider) input(f *runbook.Frame, v *expr.Value) (json.RawMessage, error) {
	if v == nil {
		return json.RawMessage("{}"), nil
	}
	return d.value(f, v)
}

func (d *decider) value(f *runbook.Frame, v *expr.Value) (json.RawMessage, error) {
	got, err := v.Eval(d.vars(f, nil, v.Programs()...))
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(got)
	if err != nil {
		return nil, fmt.Errorf("the value cannot be written as JSON: %w", err)
	}
	return raw, nil
}

func (d *decider) text(f *runbook.Frame, v *expr.Value) (string, error) {
	got, err := v.Eval(d.vars(f, nil, v.Programs()...))
	if err != nil {
		return "", err
	}
	return fmt.Sprint(got), nil
}

// retryAt is when the next attempt of a step begins, and whether there is one.
func (d *decider) retryAt(step *runbook.Step, attempt int, class string) (time.Time, bool) {
	r := step.Retry
	if r == nil || attempt >= r.Attempts {
		return time.Time{}, false
	}
	if !slices.Contains(r.On, class) {
		return time.Time{}, false
	}
	return d.now.Add(pause(r, attempt)), true
}

// pause is how long is waited after an attempt, counted from 1, before the
// next one.
func pause(r *runbook.Retry, attempt int) time.Duration {
	wait := r.Backoff
	for i := 1; i < attempt && wait < r.MaxBackoff; i++ {
		wait *= 2
	}
	return min(wait, r.MaxBackoff)
}

// again begins the next attempt of a step whose pause is over.
func (d *decider) again(path string) {
	d.emit(RetryBegan{Path: path, Attempt: d.run.step(path).Attempt})
}
