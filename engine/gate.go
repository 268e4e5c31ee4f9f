package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Choices of questions.
const (
	ChoiceApprove  = "approve"
	ChoiceDeny     = "deny"
	ChoiceExpired  = "expired" // nobody answered in time
	ChoiceAgain    = "again"
	ChoiceAbort    = "abort"
	ChoiceAccept   = "accept"
	ChoiceKeep     = "keep"
	ChoiceUndo     = "undo"
	ChoiceForce    = "force"
	ChoiceResume   = "resume"
	ChoiceHappened = "happened"
	ChoiceNot      = "not"
	ChoicePartial  = "partial"
	ChoiceUnknown  = "unknown"
	ChoiceRelock   = "relock"
	ChoiceEnd      = "end"
)

// maxVoids is after how many voids of one gate people are asked whether to go
// on asking.
const maxVoids = 3

// passGate takes a step's own gate forward. open: the step may go on, because
// it has no gate, or because its gate is approved; moved: something was
// decided.
func (d *decider) passGate(step *runbook.Step) (moved, open bool) {
	if step.Approve == nil || d.readOnly() && changes(step) {
		return false, true // where only reads are made, what the gate covers is passed over
	}
	switch g := d.run.gate(step.Path); g.State {
	case GateApproved, GateConsumed:
		return false, true
	case GatePlanning:
		return d.askWhenPlanned(step, g), false
	case GateIdle:
		return d.planGate(step, g)
	default:
		return false, false
	}
}

// planGate asks for the plans of what a gate will show: locks first, so that
// what is shown cannot be changed by another run.
func (d *decider) planGate(step *runbook.Step, g *Gate) (moved, open bool) {
	if d.run.Stopped() || d.openUnder(step.Path) {
		return false, false
	}
	if d.run.question(AskAgain, step.Path) != nil {
		return false, false
	}
	if g.Voids >= maxVoids && d.run.Bar == nil {
		d.askAgain(step, g)
		return true, false
	}
	if d.unrollIn(step) {
		return true, false
	}
	mutating := d.members(step)
	inputs := map[string]json.RawMessage{}
	for _, m := range mutating {
		if raw, ok := d.foreseen(m); ok {
			inputs[m.Path] = raw
		}
	}
	if len(mutating) > 0 && len(inputs) == 0 {
		return false, true // every mutation is passed over, as things stand; its turn shows
	}
	if d.run.Bar == nil { // else it is only looked at
		if moved, held := d.lock(); len(mutating) > 0 && !held {
			return moved, false
		}
	}
	d.emit(GatePlanBegan{Path: step.Path, Members: inputs})
	return true, false
}

// members are the mutations that a gate covers and that have not ended, in
// the order of the runbook: those whose nearest approve it is.
func (d *decider) members(step *runbook.Step) []*runbook.Step {
	var out []*runbook.Step
	var visit func(*runbook.Step)
	visit = func(s *runbook.Step) {
		if s != step && s.Approve != nil {
			return
		}
		if s.Mutates() && !s.Template() && !d.run.step(s.Path).Done() && d.run.step(s.Path).ActedAt.IsZero() {
			out = append(out, s)
		}
		for _, child := range s.Steps {
			visit(child)
		}
	}
	visit(step)
	return out
}

// foreseen is the input that a mutation would have if its turn were now. What
// cannot be told, or would be passed over, is not shown; should its turn come
// all the same, people are asked then.
func (d *decider) foreseen(m *runbook.Step) (json.RawMessage, bool) {
	gate := m.Gate()
	for _, s := range d.between(gate, m) {
		if d.awaits(s, gate) {
			continue // it may be reached
		}
		if ok, err := s.If.Bool(d.vars(s.Frame, nil, s.If)); err != nil || !ok {
			return nil, false
		}
	}
	raw, err := d.ahead(m).input(m.Frame, m.With)
	return raw, err == nil
}

// onlyIf are the conditions of a mutation that a gate covers which are known
// only once other steps behind the gate have run.
func (d *decider) onlyIf(m *runbook.Step) []string {
	var conditions []string
	gate := m.Gate()
	for _, s := range d.between(gate, m) {
		if d.awaits(s, gate) {
			conditions = append(conditions, s.If.Source())
		}
	}
	return conditions
}

// between are a mutation and the groups around it, up to its gate, that have a
// condition which is not decided yet; the outermost first.
func (d *decider) between(gate, m *runbook.Step) []*runbook.Step {
	var steps []*runbook.Step
	for at := m; at != nil; at = at.Parent {
		if at.If != nil && d.run.step(at.Path).Status == StatusPending {
			steps = append(steps, at)
		}
		if at == gate || at.Parent == gate {
			break
		}
	}
	slices.Reverse(steps)
	return steps
}

// awaits reports whether steps behind a gate that have not ended decide the
// condition of another one there.
func (d *decider) awaits(s, gate *runbook.Step) bool {
	return slices.ContainsFunc(s.Frame.Producers(s.If, gate), func(p *runbook.Step) bool { return !d.run.step(p.Path).Done() })
}

// openUnder reports whether a mutation at or under a path is in flight or in
// doubt.
func (d *decider) openUnder(path string) bool {
	for p, s := range d.run.Steps {
		if (path == "" || within(p, path)) && s.mutationOpen() {
			return true
		}
	}
	return false
}

// lock asks once for every identity that the run may change: all at once, so
// that no run waits for a lock while it holds one.
func (d *decider) lock() (moved, held bool) {
	switch d.run.Locks.State {
	case LocksHeld:
		return false, true
	case LocksRequested:
		return false, false
	default:
	}
	ids := d.identities()
	d.emit(LocksWanted{Identities: ids})
	if len(ids) == 0 {
		d.emit(LocksTaken{})
	}
	return true, len(ids) == 0
}

// identities of all that the run's mutations may change, sorted.
func (d *decider) identities() []string {
	set := map[string]bool{}
	for _, row := range d.run.Facts.Undo {
		if row.Resource != "" && row.State != RowUndone {
			set[row.Resource] = true
		}
	}
	if d.run.Facts.UndoOf == "" {
		for _, s := range d.run.Book.Mutations() {
			if id := d.identity(s); id != "" {
				set[id] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// planned takes the answer to a plan.
func (d *decider) planned(c PlanCall, in Planned) {
	switch {
	case c.gate != "" && in.Failure != nil:
		d.gateUnplanned(c, *in.Failure)
	case c.gate != "":
		d.emit(MemberPlanned{Gate: c.gate, Path: c.Path, Plan: in.Plan})
	case c.undo:
		d.undoPlanned(d.run.row(c.Path, c.attempt), in)
	default:
		d.stepPlanned(d.run.Book.Step(c.Path), in)
	}
}

// gateUnplanned fails the gate's step: what cannot be planned cannot be shown.
// A run that undoes another leaves it out.
func (d *decider) gateUnplanned(c PlanCall, f Failure) {
	reason := d.unplanned(c.Path, f)
	switch {
	case c.gate == undoGate:
		d.emit(MemberUnplanned{Gate: c.gate, Path: c.Path, Class: f.Class, Reason: f.Reason})
	case d.run.step(c.gate).Status == StatusPending:
		d.void(c.gate, reason+"; it is planned again at its turn", nil, false)
	default:
		d.fail(d.run.Book.Step(c.gate), f.Class, reason)
	}
}

func (d *decider) unplanned(path string, f Failure) string {
	return fmt.Sprintf("%s could not be planned: %s", d.label(path), f.Reason)
}

// askWhenPlanned opens the question once every member is planned.
func (d *decider) askWhenPlanned(step *runbook.Step, g *Gate) bool {
	if len(g.Planned) < len(g.Inputs) {
		return false
	}
	var members []Member
	for _, m := range d.members(step) {
		plan, ok := g.Planned[m.Path]
		if !ok {
			continue
		}
		members = append(members, Member{Path: m.Path, OnlyIf: d.onlyIf(m), Shown: d.shown(m, plan)})
	}
	if d.run.Bar != nil && len(members) > 0 {
		d.wouldHave(step, members)
		return true
	}
	q := Question{
		ID:       d.run.id(step.Path, 0, fmt.Sprintf("ask.%d", g.Asks)),
		Kind:     AskGate,
		Path:     step.Path,
		Text:     fmt.Sprintf("May %s go on with %s?", d.run.Facts.Runbook, step.Label()),
		Digest:   gateDigest(d.run.Facts.Pins.Runbook, d.run.Facts.Service, step.Path, members),
		Roles:    roles(step.Approve.Of),
		Self:     step.Approve.Self,
		Choices:  []string{ChoiceApprove, ChoiceDeny},
		Members:  members,
		Changed:  d.differs(g),
		OpenedAt: d.now,
		Expires:  d.now.Add(step.Approve.Expires()),

		Quorum: step.Approve.Quorum, Handed: g.Handed, Escalates: escalations(step.Approve.Of, d.now),
	}
	q.Early = d.run.step(step.Path).Status == StatusPending
	if s := d.frozen(step, d.first(step)); s != nil {
		q.Frozen = s.says()
	}
	if q.Early || q.Frozen != "" {
		q.Expires, q.Escalates = time.Time{}, nil // its time begins with its turn, and with the end of the freeze
	}
	d.emit(QuestionOpened{Question: q})
	return true
}

// wouldHave says what a run would have asked about and done that a rule bars
// from changing anything, and ends it.
func (d *decider) wouldHave(step *runbook.Step, members []Member) {
	bar := d.run.Bar
	d.emit(WouldHave{Path: step.Path, Class: bar.Class, Members: members})
	d.trouble(Cause{Kind: CauseRefused, Path: step.Path, Class: bar.Class, Reason: bar.Reason}, nil)
}

// shown is what people see of a change: what would be done, and how it would be
// undone, as far as that is written and not left to the receipt.
func (d *decider) shown(m *runbook.Step, p Plan) Shown {
	undo := undoAction(m)
	switch {
	case m.Undo == nil:
	case m.Undo.None != "":
		undo = "none: " + m.Undo.None
	case m.Undo.With != nil:
		if input, err := d.ahead(m).input(m.Frame, m.Undo.With); err == nil {
			undo += " with " + string(input)
		}
	}
	return Shown{
		Binding: p.Binding, Fingerprint: p.Fingerprint, Action: m.Uses, Served: p.Served, Undo: undo,
		Detail: p.Detail, Unit: p.Unit, Affected: p.Affected, Total: p.Total, NoPrecond: m.Action.NoPrecondition,
	}
}

// label is what people are told of a step at a path.
func (d *decider) label(path string) string {
	if step := d.run.Book.Step(path); step != nil {
		return step.Label()
	}
	return path
}

// void takes back what people were asked or had said about a gate.
func (d *decider) void(path, why string, changed []string, drift bool) {
	d.emit(GateVoided{Path: path, Why: why, Changed: changed, Drift: drift})
}

// voidAll voids every gate that is open, approved or covers a group that has
// not ended.
func (d *decider) voidAll(why string) {
	for _, path := range slices.Sorted(maps.Keys(d.run.Gates)) {
		if g := d.run.gate(path); g.State != GateIdle && !d.run.step(path).Done() {
			d.void(path, why, nil, false)
		}
	}
}

func (d *decider) askAgain(step *runbook.Step, g *Gate) {
	d.emit(QuestionOpened{Question: Question{
		ID:   d.run.id(step.Path, 0, fmt.Sprintf("ask.again.%d", g.Asks)),
		Kind: AskAgain, Path: step.Path,
		Text: fmt.Sprintf("The target of %s changed %d times between question and action. Ask again, or abort?",
			step.Label(), g.Voids),
		Roles: d.rolesOf(step.Path), Self: true, Choices: []string{ChoiceAgain, ChoiceAbort}, Changed: g.Changed, OpenedAt: d.now,
	}})
}

// expired ends a question that nobody answered in time.
func (d *decider) expired(id string) {
	q := d.run.Questions[id]
	if q == nil {
		return
	}
	d.emit(QuestionDecided{ID: id, Question: q.Kind, Path: q.Path, Choice: ChoiceExpired, OpenFor: d.openFor(q), Asked: d.asked(q, "")})
	step := d.run.Book.Step(q.Path)
	if step != nil && step.Asking() != nil && step.Asking().OnExpiry == "skip" && !d.intendedUnder(step.Path) {
		d.emit(StepSkipped{Path: step.Path, Why: "nobody answered in time"})
		return
	}
	if !d.uncommitted("") { // else how the run ends is what pages
		d.emit(NoticeQueued{To: d.run.Owner(), Page: true, Text: fmt.Sprintf("nobody answered run %s of %s about %s in time, and it was not done",
			d.run.Facts.ID, d.run.Facts.Runbook, d.label(q.Path))})
	}
	d.notApproved(q, Cause{Kind: CauseRefused, Path: q.Path, Class: "expired", Reason: "nobody answered in time"})
}

func (d *decider) intendedUnder(path string) bool {
	for _, row := range d.run.Ledger {
		if within(row.Path, path) {
			return true
		}
	}
	return false
}

// notApproved ends the forward path after a no, or silence. Where something
// uncommitted is changed that is trouble; else the run is refused. In a
// handler the gated step alone is passed over.
func (d *decider) notApproved(q *Question, c Cause) {
	if d.run.Phase == PhaseOnFailure || d.run.Phase == PhaseFinally {
		d.emit(StepSkipped{Path: q.Path, Why: c.Class + ": " + c.Reason, By: c.By})
		return
	}
	var f *RunFailure
	if d.uncommitted("") {
		c.Kind = CauseFailure
		f = &RunFailure{Step: q.Path, Class: c.Class, Reason: c.Reason, Effect: d.run.effect(q.Path)}
	}
	d.trouble(c, f)
}

// uncommitted reports whether something at or under a path (empty: anywhere) is
// changed that no verify has passed.
func (d *decider) uncommitted(path string) bool {
	for _, row := range d.run.Ledger {
		if path != "" && !within(row.Path, path) {
			continue
		}
		switch row.State {
		case RowApplied, RowPartial, RowUnknown, RowIntended:
			return true
		default:
		}
	}
	return false
}

// rolesOf are the roles that decide about a step: those of its gate, where it
// has none those of every gate, where there is none all that are configured.
func (d *decider) rolesOf(path string) []string {
	if rs := d.gateRoles(path); len(rs) > 0 {
		return rs
	}
	return slices.Sorted(maps.Keys(d.run.Facts.Roles))
}

// gateRoles are the roles of the nearest gate at or above a step, else of
// every gate of the runbook.
func (d *decider) gateRoles(path string) []string {
	if s := d.run.Book.Step(path); s != nil {
		if gate := s.Gate(); gate != nil {
			return roles(gate.Approve.Of)
		}
	}
	var all []string
	for _, s := range d.run.Book.All() {
		if s.Approve == nil {
			continue
		}
		for _, role := range roles(s.Approve.Of) {
			if !slices.Contains(all, role) {
				all = append(all, role)
			}
		}
	}
	return all
}

func roles(asked []runbook.Asked) []string {
	out := make([]string, len(asked))
	for i, of := range asked {
		out[i] = of.Role
	}
	return out
}

// validUntil is how long an approval given now holds.
func (d *decider) validUntil(path string) time.Time {
	if step := d.run.Book.Step(path); step != nil && step.Approve != nil {
		return d.now.Add(step.Approve.ValidFor)
	}
	return d.now.Add(undoValidFor)
}
