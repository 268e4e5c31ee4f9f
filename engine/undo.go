package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// undoGate is the path of the gate of a run that undoes another. No step has
// it: ids have no hyphen.
const undoGate = "undo-run"

// undoAction is the action that puts back what a step changed; empty: none.
func undoAction(step *runbook.Step) string {
	if step.Undo != nil {
		return step.Undo.Uses
	}
	return ""
}

// undoing takes the undos forward: one at a time, the latest completed first.
func (d *decider) undoing() bool {
	r := &d.run
	if r.Doubtful() {
		return false
	}
	row := d.nextUndo()
	if row == nil {
		return d.afterUndo()
	}
	if row.Undoing != UndoIdle {
		return false
	}
	step := r.Book.Step(row.Path)
	if !hasUndo(d.run.Book, row.Path) {
		d.emit(EffectKept{Path: row.Path, Attempt: row.Attempt, Why: noUndo(step)})
		return true
	}
	if r.stop(StopLock) != nil {
		return false // no word gives the run its locks back
	}
	if !r.UndoWord {
		if r.Stopped() {
			return false
		}
		if r.Uncovered {
			return d.askResume(row)
		}
	}
	var input json.RawMessage
	if step.Undo.With != nil {
		raw, err := d.input(step.Frame, step.Undo.With)
		if err != nil {
			d.emit(UndoFailed{Path: row.Path, Attempt: row.Attempt, Class: "expression", Reason: err.Error()})
			return true
		}
		input = raw
	}
	d.emit(UndoBegan{Path: row.Path, Attempt: row.Attempt, Input: input})
	return true
}

// nextUndo is the row whose undo is on, or the next one to undo, or nil.
func (d *decider) nextUndo() *Row {
	c := d.run.Cause
	if c == nil || c.Keep || d.run.UndoEnded {
		return nil
	}
	var next *Row
	for _, row := range d.run.Ledger {
		if row.Undoing != UndoIdle {
			return row
		}
		due := row.State == RowApplied || row.State == RowPartial || c.All && row.State == RowCommitted
		if due && (next == nil || row.Completed > next.Completed) {
			next = row
		}
	}
	return next
}

// afterUndo writes down what stays changed, and enters what follows the undos.
func (d *decider) afterUndo() bool {
	c := d.run.Cause
	for _, row := range d.run.Ledger {
		if row.State != RowApplied && row.State != RowPartial && (!c.All || row.State != RowCommitted) {
			continue
		}
		why := "left as it is: " + c.Reason
		if d.run.UndoEnded {
			why = "an undo before it failed"
		}
		d.emit(EffectKept{Path: row.Path, Attempt: row.Attempt, Why: why, By: c.By})
		return true
	}
	switch {
	case d.run.Facts.UndoOf != "":
		return d.end()
	case d.run.Reached == "" && c.Kind == CauseFailure && !c.ReadOnly:
		d.emit(PhaseEntered{Phase: PhaseOnFailure})
	default:
		d.emit(PhaseEntered{Phase: PhaseFinally}) // for the second time: what is left of it
	}
	return true
}

func (d *decider) askResume(row *Row) bool {
	if d.run.question(AskResume, row.Path) != nil {
		return false
	}
	d.emit(QuestionOpened{Question: Question{
		ID:   d.run.id(row.Path, row.Attempt, fmt.Sprintf("resume.ask.%d", d.run.Seq)),
		Kind: AskResume, Path: row.Path, Attempt: row.Attempt, Undo: true, OpenedAt: d.now,
		Text:  fmt.Sprintf("The undo of %s was stopped before it began. Undo it now, or leave it changed?", d.label(row.Path)),
		Roles: d.rolesOf(row.Path), Self: true, Choices: []string{ChoiceResume, ChoiceKeep},
	}})
	return true
}

// undoPlanned compares the target of an undo with what the action left, and
// begins the undo only where nobody has changed it since.
func (d *decider) undoPlanned(row *Row, in Planned) {
	step := d.run.Book.Step(row.Path)
	found, why := in.Plan.Fingerprint, ""
	switch {
	case in.Failure != nil && d.undoAgain(row, step, *in.Failure):
		return
	case in.Failure != nil:
		why = "it could not be looked at: " + in.Failure.Reason
	case row.forced && row.over == found || step.Undo.Action.NoPrecondition:
	case row.Left == "":
		why = "it is not known how the action left it"
	case !d.leftSo(row, found):
		why = "somebody has changed it since: " + in.Plan.Detail
	}
	if why != "" {
		d.askDrift(row, why, found)
		return
	}
	d.emit(UndoIntended{
		Path: row.Path, Attempt: row.Attempt, Action: step.Undo.Uses, Expect: found,
		Undo: in.Plan.Undo, Served: in.Plan.Served, Generation: d.run.Generation, Deadline: d.now.Add(limit(step, actTimeout)),
	})
}

// leftSo reports whether a target still is as this run left it: by the action
// that is to be undone, or by the undo of a later one.
func (d *decider) leftSo(row *Row, fingerprint string) bool {
	return slices.ContainsFunc(d.run.Ledger, func(other *Row) bool {
		last := other == row || other.Resource == row.Resource && other.State == RowUndone
		return last && other.Left != "" && other.Left == fingerprint
	})
}

// askDrift asks whether to undo all the same. A yes is for what was found, and
// for nothing that comes after it; empty: it is not known, and is looked at
// again.
func (d *decider) askDrift(row *Row, why, found string) {
	id := d.run.id(row.Path, row.Attempt, fmt.Sprintf("undo.drift.%d", row.N))
	d.emit(QuestionOpened{Question: Question{
		ID:   id,
		Kind: AskDrift, Path: row.Path, Attempt: row.Attempt, Undo: true, Found: found, OpenedAt: d.now,
		Text:  fmt.Sprintf("The undo of %s has not begun: %s. Undo it all the same, or leave it?", d.label(row.Path), why),
		Roles: d.rolesOf(row.Path), Self: true, Choices: []string{ChoiceForce, ChoiceKeep},
	}})
	d.emit(NoticeQueued{To: d.pageTo(row.Path), Page: true, About: id, Text: fmt.Sprintf("the undo of %s waits: %s", d.label(row.Path), why)})
}

// undone takes the outcome of an undo.
func (d *decider) undone(row *Row, o Outcome) {
	o = o.said()
	f := Failure{Class: "internal", Reason: "only a part was put back"}
	if o.Failure != nil {
		f = *o.Failure
	}
	switch {
	case o.Effect == EffectUnknown:
		d.undoLost(row, f.Class, f.Reason)
	case o.Failure == nil && o.Effect != EffectPartial:
		d.putBack(row, o.Left)
	case o.Effect == EffectNone && f.Class == "drift":
		d.askDrift(row, "somebody has changed it in the meantime: "+f.Reason, "")
	case o.Effect == EffectNone && d.undoAgain(row, d.run.Book.Step(row.Path), f):
	default:
		d.emit(UndoFailed{Path: row.Path, Attempt: row.Attempt, Class: f.Class, Reason: f.Reason})
	}
}

// maxUndos is how often the undo of one attempt is begun, each time that it is
// known not to have happened.
const maxUndos = 3

// undoSettled goes on once it is known what became of a lost undo. One that did
// not happen is looked at and begun again.
func (d *decider) undoSettled(row *Row, o Outcome) {
	if o.Effect == EffectApplied && o.Failure == nil {
		d.putBack(row, o.Left)
		return
	}
	if o.Effect == EffectNone && o.Failure == nil && row.undos < maxUndos {
		return
	}
	reason := "it did not happen: " + row.Why
	if o.Effect != EffectNone {
		reason = fmt.Sprintf("it is %s: %s", o.Effect, row.Why)
	}
	d.emit(UndoFailed{Path: row.Path, Attempt: row.Attempt, Class: "unavailable", Reason: reason})
}

// undoLost records that nobody knows what became of an undo.
func (d *decider) undoLost(row *Row, class, reason string) {
	var settles time.Duration
	if a := d.run.Book.Step(row.Path).Undo.Action; a != nil {
		settles = a.SettlesIn
	}
	d.emit(EffectLost{
		Path: row.Path, Attempt: row.Attempt, Undo: true, Class: class, Reason: reason, Until: d.now.Add(settles),
	})
	if settles == 0 {
		d.fenced(row.Path, row.Attempt, true)
	}
}

// undoRow is the latest row of a step.
func (d *decider) undoRow(path string) *Row {
	var last *Row
	for _, row := range d.run.Ledger {
		if row.Path == path {
			last = row
		}
	}
	return last
}

// undoable reports whether any of the rows is to be undone, and can be.
func undoable(book *runbook.Runbook, rows []Row) bool {
	return slices.ContainsFunc(rows, func(row Row) bool { return row.State == RowCommitted && hasUndo(book, row.Path) })
}

func hasUndo(book *runbook.Runbook, path string) bool {
	step := book.Step(path)
	return step != nil && undoAction(step) != ""
}

// noUndo is why nothing undoes a step.
func noUndo(step *runbook.Step) string {
	if step != nil && step.Undo != nil && step.Undo.None != "" {
		return step.Undo.None
	}
	return "nothing undoes it"
}

func cannotUndo(f Failure) string { return "its undo cannot be planned: " + f.Reason }

// undoRunGate takes the gate of a run that undoes another forward: locks,
// plans of every undo, one question, then the undos.
func (d *decider) undoRunGate() bool {
	g := d.run.gate(undoGate)
	switch g.State {
	case GateIdle:
		if d.run.Stopped() && !d.run.UndoWord {
			return false
		}
		moved, held := d.lock()
		if !held {
			return moved
		}
		receipts := map[string]json.RawMessage{}
		for _, row := range d.run.Ledger {
			if row.State == RowCommitted && hasUndo(d.run.Book, row.Path) {
				receipts[row.Path] = row.Receipt
				if row.Receipt == nil {
					receipts[row.Path] = json.RawMessage("null")
				}
			}
		}
		d.emit(GatePlanBegan{Path: undoGate, Members: receipts})
		return true
	case GatePlanning:
		return d.askUndoRun(g)
	case GateApproved:
		d.emit(UndoAsked{By: g.By})
		for _, row := range d.run.Ledger {
			if f, ok := g.Unplanned[row.Path]; ok && row.State == RowCommitted {
				d.emit(EffectKept{Path: row.Path, Attempt: row.Attempt, Why: cannotUndo(f)})
			}
		}
		d.endUndoRun()
		return true
	default:
		return false
	}
}

func (d *decider) askUndoRun(g *Gate) bool {
	if len(g.Planned)+len(g.Unplanned) < len(g.Inputs) {
		return false
	}
	var members []Member
	var kept []Kept
	for _, row := range slices.Backward(d.run.Ledger) {
		if row.State != RowCommitted {
			continue
		}
		step := d.run.Book.Step(row.Path)
		f, unplanned := g.Unplanned[row.Path]
		p, planned := g.Planned[row.Path]
		switch {
		case planned:
			members = append(members, Member{Path: row.Path, Shown: Shown{
				Binding: p.Binding, Fingerprint: p.Fingerprint, Action: undoAction(step), Served: p.Served,
				Undo: "none: this is an undo", Detail: p.Detail, Unit: p.Unit, Affected: p.Affected, Total: p.Total,
			}})
		case unplanned:
			kept = append(kept, Kept{Path: row.Path, Why: cannotUndo(f)})
		default:
			kept = append(kept, Kept{Path: row.Path, Why: noUndo(step)})
		}
	}
	if len(members) == 0 {
		d.noneToUndo(g)
		return true
	}
	text := fmt.Sprintf("May all that run %s changed be undone?", d.run.Facts.UndoOf)
	if len(kept) > 0 {
		text = fmt.Sprintf("Not all that run %s changed can be undone. May the rest be?", d.run.Facts.UndoOf)
	}
	roles, quorum := d.undoDeciders(members)
	d.emit(QuestionOpened{Question: Question{
		ID:   d.run.id(undoGate, 0, fmt.Sprintf("ask.%d", g.Asks)),
		Kind: AskGate, Path: undoGate, Undo: true,
		Text:   text,
		Digest: gateDigest(d.run.Facts.Pins.Runbook, d.run.Facts.Service, undoGate, members),
		Roles:  roles, Quorum: quorum, Choices: []string{ChoiceApprove, ChoiceDeny},
		Members: members, Kept: kept, OpenedAt: d.now, Expires: d.now.Add(undoValidFor),
	}})
	return true
}

// noneToUndo refuses a run of whose undos none can be planned.
func (d *decider) noneToUndo(g *Gate) {
	paths := slices.Sorted(maps.Keys(g.Unplanned))
	whys := make([]string, len(paths))
	for i, path := range paths {
		whys[i] = d.unplanned(path, g.Unplanned[path])
	}
	d.trouble(Cause{Kind: CauseRefused, Class: g.Unplanned[paths[0]].Class, Reason: strings.Join(whys, "; ")}, nil)
}

// undoDeciders are who may say yes to undoing the members, and how many must:
// as many as had to agree to any of them, of the roles that could to each.
// Where no role could to all, those that could to some, and more than one
// person.
func (d *decider) undoDeciders(members []Member) (of []string, quorum int) {
	var some []string
	for i, m := range members {
		here := d.rolesOf(m.Path)
		if gate := d.run.Book.Step(m.Path).Gate(); gate != nil {
			quorum = max(quorum, gate.Approve.Quorum)
		}
		if i == 0 {
			of = slices.Clone(here)
		}
		of = slices.DeleteFunc(of, func(role string) bool { return !slices.Contains(here, role) })
		for _, role := range here {
			if !slices.Contains(some, role) {
				some = append(some, role)
			}
		}
	}
	if len(of) == 0 {
		return some, max(quorum, 2)
	}
	return of, quorum
}

// endUndoRun leaves the forward path of an undo run for the undos.
func (d *decider) endUndoRun() {
	reason := "undo of " + d.run.Facts.UndoOf
	if why := d.run.Facts.Reason; why != "" {
		reason += ": " + why
	}
	d.trouble(Cause{Kind: CauseUndo, Class: "undo", Reason: reason, All: true}, nil)
}
