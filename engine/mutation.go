package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// mutation takes a mutating step towards its intent: lock, gate, guards of the
// groups around it, plan, comparison with what people saw, guard. Each call
// decides at most one of them.
func (d *decider) mutation(step *runbook.Step) bool {
	if moved, held := d.lockLate(step); !held {
		return moved
	}
	if moved, open := d.passGate(step); !open {
		return moved
	}
	if d.blocked() {
		return false
	}
	gate := step.Gate()
	if gate == nil {
		d.fail(step, "denied", "no gate covers this step")
		return true
	}
	// A group's gate may have been voided since the group began, or not been
	// asked because, as things stood then, every mutation would be passed over.
	if moved, open := d.passGate(gate); !open {
		return moved
	}
	if d.frozen(gate, step) != nil {
		return false
	}
	for g := step.Parent; g != nil; g = g.Parent {
		if g.Guard != nil && !d.run.step(g.Path).Guarded {
			return d.guard(g)
		}
	}
	return d.planTurn(step)
}

// blocked reports whether no mutation may begin now: a stop stands, or
// something is in doubt.
func (d *decider) blocked() bool {
	if d.run.Stopped() {
		return true
	}
	return d.run.Doubtful()
}

// Doubtful reports whether it is unknown what became of a mutation or undo.
func (r *Run) Doubtful() bool {
	for _, s := range r.Steps {
		switch s.Doing {
		case DoingFence, DoingProbe, DoingDoubt:
			return true
		default:
		}
	}
	for _, row := range r.Ledger {
		switch row.Undoing {
		case UndoFence, UndoProbe, UndoDoubt:
			return true
		default:
		}
	}
	return false
}

func (d *decider) planTurn(step *runbook.Step) bool {
	input, err := d.input(step.Frame, step.With)
	if err != nil {
		d.fail(step, "expression", err.Error())
		return true
	}
	d.emit(PlanBegan{Path: step.Path, Attempt: d.nextAttempt(step.Path), Input: input, Resource: d.identity(step)})
	return true
}

// nextAttempt numbers the next attempt of a mutation: one that has a row in
// the ledger is never begun again under its number.
func (d *decider) nextAttempt(path string) int {
	n := max(1, d.run.step(path).Attempt)
	for _, row := range d.run.Ledger {
		if row.Path == path {
			n = max(n, row.Attempt+1)
		}
	}
	return n
}

// stepPlanned compares a plan made at the step's turn with what people saw,
// and goes on to the guard or the intent.
func (d *decider) stepPlanned(step *runbook.Step, in Planned) {
	s := d.run.step(step.Path)
	if f := in.Failure; f != nil {
		d.failed(step, s.Attempt, *f, EffectNone)
		return
	}
	d.emit(StepPlanned{Path: step.Path, Plan: in.Plan})
	if id := in.Plan.Resource; id != "" && d.run.Locks.State == LocksHeld && !d.run.Locks.Holds(id) {
		d.tryLock(step, id) // and then it is planned again
		return
	}
	gate := step.Gate()
	saw, shown := d.run.gate(gate.Path).Shown[step.Path]
	if !shown {
		d.void(gate.Path, step.Label()+" was not known when people were asked", nil, false)
		return
	}
	if changed := d.drift(step, saw, in.Plan); len(changed) > 0 {
		d.void(gate.Path, "what would be done is not what was shown", changed, true)
		return
	}
	if step.Guard != nil {
		d.guard(step)
		return
	}
	d.intend(step)
}

// drift lists how a plan differs from what people saw. A fingerprint that an
// action of this very run left is no drift.
func (d *decider) drift(step *runbook.Step, saw Shown, p Plan) []string {
	var changed []string
	if !bytes.Equal(compact(saw.Binding), compact(p.Binding)) {
		changed = append(changed, bindingDiff(step.Path, saw.Binding, p.Binding)...)
	}
	if saw.Served != p.Served {
		changed = append(changed, fmt.Sprintf("%s would be served by %s, shown was %s", step.Label(), p.Served, saw.Served))
	}
	if saw.Fingerprint != p.Fingerprint && !d.ours(d.run.step(step.Path).changes(p), p.Fingerprint) && len(changed) == 0 {
		changed = append(changed, "somebody has changed the target of "+step.Label()+" since it was shown"+detailDiff(saw.Detail, p.Detail))
	}
	return changed
}

// bindingDiff says which fields of what would be done differ from what was
// shown: each with its value then and now.
func bindingDiff(path string, was, is json.RawMessage) []string {
	var then, now map[string]json.RawMessage
	if json.Unmarshal(was, &then) != nil || json.Unmarshal(is, &now) != nil {
		return []string{fmt.Sprintf("%s: shown was %s, now it is %s", path, was, is)}
	}
	keys := map[string]bool{}
	for key := range then {
		keys[key] = true
	}
	for key := range now {
		keys[key] = true
	}
	var diff []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !bytes.Equal(compact(then[key]), compact(now[key])) {
			diff = append(diff, fmt.Sprintf("%s: %s was %s when it was shown, and is %s now", path, key, orNothing(then[key]), orNothing(now[key])))
		}
	}
	return diff
}

// detailDiff says where what people are shown of an action first differs from
// what they were shown; empty where it does not, or only more or less is shown.
func detailDiff(was, is string) string {
	then, now := strings.Split(was, "\n"), strings.Split(is, "\n")
	lacks := func(all []string) func(line string) bool {
		return func(line string) bool { return !strings.HasPrefix(line, "@@ ") && !slices.Contains(all, line) }
	}
	i, j := slices.IndexFunc(then, lacks(now)), slices.IndexFunc(now, lacks(then))
	if i < 0 || j < 0 {
		return ""
	}
	return fmt.Sprintf(": %s was shown, and is %s now", quoted(then[i]), quoted(now[j]))
}

// quoted is a line of what people are shown, for a sentence.
func quoted(line string) string { return fmt.Sprintf("%.80q", strings.Join(strings.Fields(line), " ")) }

func orNothing(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "nothing"
	}
	return string(raw)
}

// ours reports whether an action of this run left this very target so.
func (d *decider) ours(resource, fingerprint string) bool {
	return slices.ContainsFunc(d.run.Ledger, func(row *Row) bool {
		return row.Resource == resource && row.Left != "" && row.Left == fingerprint
	})
}

// changes is the identity of what a step changes by a plan.
func (s *Step) changes(p Plan) string {
	if p.Resource != "" {
		return p.Resource
	}
	return s.Resource
}

// guard begins to read a step's or group's guard.
func (d *decider) guard(step *runbook.Step) bool {
	input, err := d.input(step.Frame, step.Guard.With)
	if err != nil {
		d.fail(step, "expression", err.Error())
		return true
	}
	d.emit(GuardBegan{Path: step.Path, Input: input})
	return true
}

// guarded takes a guard's answer. It counts only for the intent in the same
// transaction, so a mutation is intended at once or not at all.
func (d *decider) guarded(path string, o Outcome) {
	step := d.run.Book.Step(path)
	if o.Failure != nil {
		d.fail(step, "guard", "the guard could not be read: "+o.Failure.Reason)
		return
	}
	d.emit(GuardAnswered{Path: path, Answer: o.Outputs})
	ok, err := step.Guard.That.Bool(d.vars(step.Frame, decode(step.Guard.Action.Output, o.Outputs), step.Guard.That))
	switch {
	case err != nil:
		d.fail(step, "guard", err.Error())
	case !ok:
		d.fail(step, "guard", "the guard does not hold: "+step.Guard.That.Source())
	default:
		d.emit(GuardPassed{Path: path})
		if step.Mutates() {
			d.intend(step)
		}
	}
}

// intend records that a mutation begins. Everything that must hold at that
// instant is looked at here once more.
func (d *decider) intend(step *runbook.Step) {
	gate := step.Gate()
	g := d.run.gate(gate.Path)
	s := d.run.step(step.Path)
	switch {
	case d.blocked(), d.frozen(gate, step) != nil:
		return // a sibling is in doubt, or a freeze began: planned and guarded again when that is over
	case g.State == GateApproved && d.now.After(g.ValidUntil):
		d.void(gate.Path, "the approval was not used in time", nil, false)
		return
	case g.State != GateApproved && g.State != GateConsumed, d.run.Locks.State != LocksHeld:
		return
	}
	d.emit(Intended{
		Path: step.Path, Attempt: s.Attempt, Gate: gate.Path, Action: step.Uses, Input: s.Input,
		Expect: s.Plan.Fingerprint, Undo: s.Plan.Undo, Resource: s.changes(*s.Plan), Served: s.Plan.Served,
		Generation: d.run.Generation, Deadline: d.now.Add(limit(step, actTimeout)),
	})
}

// limit is how long one attempt of a step may take.
func limit(step *runbook.Step, otherwise time.Duration) time.Duration {
	if step.Timeout > 0 {
		return step.Timeout
	}
	return otherwise
}

// kept records what a call has said at last that did not go well, and returns its
// outcome without it. Samples are left out: they fail again and again.
func (d *decider) kept(c Command, o Outcome) Outcome {
	said := StepSaid{Lines: o.Lines}
	switch c := c.(type) {
	case Read:
		if c.use != useStep && c.use != useGuard {
			said.Lines = nil
		}
		said.Path, said.Attempt = c.Path, d.run.step(c.Path).Attempt
	case Act:
		said.Path, said.Attempt = c.Path, c.attempt
	case Undo:
		said.Path, said.Attempt, said.Undo = c.Path, c.attempt, true
	}
	if len(said.Lines) > 0 && (o.Failure != nil || o.Effect == EffectUnknown) {
		d.emit(said)
	}
	o.Lines = nil
	return o
}

// read takes the answer of a read.
func (d *decider) read(c Read, o Outcome) {
	switch c.use {
	case useGuard:
		d.guarded(c.Path, o)
	case useSample:
		d.sample(c.Path, o)
	case useUndoSample:
		d.undoSample(d.run.row(c.Path, c.attempt), o)
	case useStep:
		d.stepRead(c.Path, o)
	}
}

// stepRead takes the outcome of a step that changes nothing.
func (d *decider) stepRead(path string, o Outcome) {
	step := d.run.Book.Step(path)
	s := d.run.step(path)
	o.Effect = EffectNone
	if o.Failure == nil {
		if _, err := step.Action.Output.Decode(o.Outputs); err != nil {
			o.Failure = &Failure{Class: "invalid", Reason: "the answer does not fit the contract: " + err.Error()}
		}
	}
	if o.Failure != nil {
		d.failed(step, s.Attempt, *o.Failure, EffectNone)
		return
	}
	d.emit(Acted{Path: path, Attempt: s.Attempt, Outcome: o})
}

// acted takes the outcome of a mutation.
func (d *decider) acted(path string, attempt int, o Outcome) {
	step := d.run.Book.Step(path)
	o = o.said()
	if o.Effect == EffectUnknown {
		class, reason := "unavailable", "the outcome is not known"
		if o.Failure != nil {
			class, reason = o.Failure.Class, o.Failure.Reason
		}
		d.lost(path, attempt, class, reason)
		return
	}
	d.emit(Acted{Path: path, Attempt: attempt, Outcome: o})
	d.partly(step, attempt, o)
}

// partly goes on after a mutation that is known to have failed, or to have
// done only a part.
func (d *decider) partly(step *runbook.Step, attempt int, o Outcome) {
	switch {
	case o.Failure != nil:
		d.failed(step, attempt, *o.Failure, o.Effect)
	case o.Effect == EffectPartial:
		d.failed(step, attempt, Failure{Class: "internal", Reason: "only a part was done"}, o.Effect)
	}
}

// failed decides what follows a failure whose effect is known: another
// attempt, another question, or the step's end.
func (d *decider) failed(step *runbook.Step, attempt int, f Failure, effect Effect) {
	if effect == EffectNone && d.run.Phase != PhaseStopping {
		if step.Mutates() && f.Class == "drift" {
			d.void(step.Gate().Path, "the target was changed before the action", []string{f.Reason}, true)
			return
		}
		if at, ok := d.retryAt(step, attempt, f.Class); ok {
			d.emit(RetryScheduled{Path: step.Path, Attempt: attempt + 1, At: at, Class: f.Class, Reason: f.Reason})
			return
		}
	}
	d.fail(step, f.Class, f.Reason)
}
