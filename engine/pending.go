package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// How long a call may take where the runbook does not say, and how long after
// its deadline a call without an answer counts as lost. Runtimes answer by
// the deadline; the grace is for answers that are on their way.
const (
	readTimeout = 30 * time.Second
	actTimeout  = 10 * time.Minute
	lostGrace   = 15 * time.Second
)

// Pending returns the commands that should be open for the run, in a stable
// order. It is a function of the run alone.
func Pending(r Run) []Command { return r.pending() }

func (r *Run) pending() []Command {
	p := pending{r: r}
	p.notices()
	if r.Ended() || r.Phase == "" {
		return p.out
	}
	for _, path := range sortedWhere(r.Steps, func(s *Step) bool { return s.Doing != DoingNothing && !s.Done() }) {
		p.step(r.Book.Step(path), r.Steps[path])
	}
	for _, path := range sortedWhere(r.Gates, func(g *Gate) bool { return g.State == GateApproved || g.State == GatePlanning }) {
		p.gate(path, r.Gates[path])
	}
	for _, row := range r.Ledger {
		p.undo(row)
	}
	p.questions()
	if r.Locks.State == LocksRequested {
		p.add(Lock{ID: fmt.Sprintf("%s/lock.%d", r.Facts.ID, r.Locks.N), Identities: r.Locks.Identities, OnLocked: r.onLocked()})
	}
	if t := r.Book.Timeout; t > 0 && r.Phase == PhaseRunning && !r.paused() {
		id := fmt.Sprintf("%s/timer.timeout.%d", r.Facts.ID, r.PausedFor.Milliseconds())
		p.add(Timer{ID: id, At: r.StartedAt.Add(t + r.PausedFor), what: timerTimeout})
	}
	return p.out
}

// sortedWhere returns the keys of the values that are wanted, sorted.
func sortedWhere[V any](m map[string]V, wanted func(V) bool) []string {
	var keys []string
	for key, v := range m {
		if wanted(v) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// id names a command of the run: run/path#attempt/phase.n.
func (r *Run) id(path string, attempt int, phase string) string {
	return r.Facts.ID + "/" + path + "#" + strconv.Itoa(attempt) + "/" + phase
}

type pending struct {
	r   *Run
	out []Command
}

func (p *pending) add(c Command) { p.out = append(p.out, c) }

// timer adds a timer; n tells timers of one kind apart when their time moves.
func (p *pending) timer(path string, attempt int, what timerKind, n int, at time.Time) {
	id := p.r.id(path, attempt, fmt.Sprintf("timer.%s.%d", what, n))
	p.add(Timer{ID: id, At: at, path: path, what: what, n: attempt})
}

// watch adds a call and the timer that ends it when no answer comes.
func (p *pending) watch(c Command, path string, deadline time.Time) {
	p.add(c)
	p.add(Timer{ID: c.CommandID() + ".lost", At: deadline.Add(lostGrace), path: path, what: timerLost, call: c.CommandID()})
}

func (p *pending) notices() {
	for _, n := range p.r.Notices {
		if !n.Sent {
			p.add(Notify{ID: fmt.Sprintf("%s/notify.%d", p.r.Facts.ID, n.N), To: n.To, Text: n.Text, Page: n.Page})
		}
	}
}

func (p *pending) step(step *runbook.Step, s *Step) {
	if step == nil || s.Done() {
		return
	}
	r := p.r
	switch s.Doing {
	case DoingLock:
		p.add(Lock{ID: r.id(step.Path, s.Attempt, fmt.Sprintf("lock.%d", s.N)), Identities: []string{s.Resource}, Try: true, path: step.Path})
	case DoingPlan:
		p.watch(PlanCall{
			ID: r.id(step.Path, s.Attempt, fmt.Sprintf("plan.%d", s.N)), Path: step.Path,
			Service: r.Facts.Service, Action: step.Uses, Input: s.Input, Deadline: s.Deadline, attempt: s.Attempt,
		}, step.Path, s.Deadline)
	case DoingGuard:
		p.watch(Read{
			ID: r.id(step.Path, max(s.Attempt, 1), fmt.Sprintf("guard.%d", s.N)), Path: step.Path,
			Service: r.Facts.Service, Action: step.Guard.Uses, Input: s.GuardInput, Deadline: s.Deadline, use: useGuard,
		}, step.Path, s.Deadline)
	case DoingRead:
		p.watch(Read{
			ID: r.id(step.Path, s.Attempt, "act"), Path: step.Path, Service: r.Facts.Service,
			Action: step.Uses, Input: s.Input, Deadline: s.Deadline, use: useStep,
		}, step.Path, s.Deadline)
	case DoingAct:
		p.act(step, s)
	case DoingRetryWait:
		p.timer(step.Path, s.Attempt, timerRetry, s.N, s.Deadline)
	case DoingFence:
		p.timer(step.Path, s.Attempt, timerFence, s.N, s.Deadline)
	case DoingProbe:
		p.watch(r.probe(step, s), step.Path, s.Deadline)
	case DoingVerify:
		p.sample(step, s, step.Verify.Uses)
	case DoingWait:
		if step.Uses == "" {
			p.timer(step.Path, max(s.Attempt, 1), timerWait, s.N, s.Deadline)
			return
		}
		p.sample(step, s, step.Uses)
	case DoingChildren:
		if step.Timeout > 0 && !r.paused() {
			paused := r.PausedFor - s.PausedFor
			p.timer(step.Path, 1, timerTimeout, int(paused.Milliseconds()), s.StartedAt.Add(step.Timeout+paused))
		}
	case DoingNothing, DoingDoubt, DoingVerdict:
	}
}

// act is open only in the generation that intended it: what an older one had
// begun is never begun again.
func (p *pending) act(step *runbook.Step, s *Step) {
	r := p.r
	if s.Generation != r.Generation {
		return
	}
	id := r.id(step.Path, s.Attempt, "act")
	p.watch(Act{
		ID: id, Path: step.Path, Service: r.Facts.Service, Action: step.Uses, Input: s.Input,
		Expect: s.fingerprint(), ApprovedBy: r.approvers(step.Gate().Path), Deadline: s.Deadline, attempt: s.Attempt,
	}, step.Path, s.Deadline)
	if r.Stopped() || r.Phase == PhaseStopping {
		p.add(StopCall{ID: r.id(step.Path, s.Attempt, "stop"), Call: id})
	}
}

// approvers are who said yes at a gate, the first one first.
func (r *Run) approvers(gate string) []string {
	var names []string
	for _, yes := range r.gate(gate).Yes {
		names = append(names, yes.By)
	}
	return names
}

// fingerprint is what the step's action expects of its target.
func (s *Step) fingerprint() string {
	if s.Plan == nil {
		return ""
	}
	return s.Plan.Fingerprint
}

func (p *pending) sample(step *runbook.Step, s *Step, action string) {
	p.add(Read{
		ID: p.r.id(step.Path, max(s.Attempt, 1), fmt.Sprintf("verify.%d", s.N)), Path: step.Path,
		Service: p.r.Facts.Service, Action: action, Input: s.SampleInput,
		NotBefore: s.NextSample, Deadline: s.NextSample.Add(readTimeout), use: useSample,
	})
	p.timer(step.Path, max(s.Attempt, 1), timerWithin, int(s.Deadline.UnixMilli()), s.Deadline)
}

func (r *Run) probe(step *runbook.Step, s *Step) Probe {
	c := Probe{
		ID: r.id(step.Path, s.Attempt, fmt.Sprintf("probe.%d", s.N)), Path: step.Path, Service: r.Facts.Service,
		Action: step.Uses, Input: s.Input, Expect: s.fingerprint(),
		Call: r.id(step.Path, s.Attempt, "act"), Deadline: s.Deadline, attempt: s.Attempt,
	}
	if row := r.row(step.Path, s.Attempt); row != nil {
		c.Undo = row.Receipt
	}
	return c
}

func (p *pending) gate(path string, g *Gate) {
	r := p.r
	if r.step(path).Done() {
		return
	}
	if g.State == GateApproved {
		p.timer(path, 0, timerValid, g.Asks, g.ValidUntil)
	}
	if g.State != GatePlanning {
		return
	}
	for _, member := range slices.Sorted(maps.Keys(g.Inputs)) {
		if g.looked(member) {
			continue
		}
		c := PlanCall{
			ID: r.id(member, 0, fmt.Sprintf("plan.%d", g.Asks)), Path: member,
			Service: r.Facts.Service, Action: r.actionOf(member, path), Input: g.Inputs[member],
			Deadline: g.Deadline, gate: path,
		}
		if path == undoGate {
			c.Input, c.Receipt = nil, g.Inputs[member]
		}
		p.watch(c, member, g.Deadline)
	}
}

// actionOf is the action that a gate's member would run: its own, or at the
// gate of a run that undoes another the one that undoes it.
func (r *Run) actionOf(member, gate string) string {
	step := r.Book.Step(member)
	if step == nil {
		return ""
	}
	if gate == undoGate {
		return undoAction(step)
	}
	return step.Uses
}

func (p *pending) undo(row *Row) {
	r := p.r
	step := r.Book.Step(row.Path)
	if step == nil {
		return
	}
	switch row.Undoing {
	case UndoGuard:
		c := PlanCall{
			ID: r.id(row.Path, row.Attempt, fmt.Sprintf("undo.guard.%d", row.N)), Path: row.Path,
			Service: r.Facts.Service, Action: undoAction(step), Deadline: row.deadline, undo: true, attempt: row.Attempt,
		}
		c.Input, c.Receipt = row.undoInput()
		p.watch(c, row.Path, row.deadline)
	case UndoAct:
		if row.generation != r.Generation {
			return
		}
		c := Undo{
			ID: r.undoID(row), Path: row.Path, Service: r.Facts.Service,
			Action: undoAction(step), Expect: row.expect, ApprovedBy: r.approvers(row.Gate), Deadline: row.deadline, attempt: row.Attempt,
		}
		if r.Facts.UndoOf != "" {
			c.ApprovedBy = r.approvers(undoGate)
		}
		c.Input, c.Receipt = row.undoInput()
		p.watch(c, row.Path, row.deadline)
		if r.Stopped() && !r.UndoWord {
			p.add(StopCall{ID: c.ID + ".stop", Call: c.ID})
		}
	case UndoFence:
		p.add(Timer{ID: r.undoID(row) + ".timer.fence", At: row.deadline, path: row.Path, what: timerFence, undo: true, n: row.Attempt})
	case UndoProbe:
		c := Probe{
			ID: r.id(row.Path, row.Attempt, fmt.Sprintf("undo.probe.%d", row.N)), Path: row.Path,
			Service: r.Facts.Service, Action: undoAction(step), Expect: row.expect, Undo: row.planned, Call: r.undoID(row),
			Deadline: row.deadline, attempt: row.Attempt, undo: true,
		}
		c.Input, c.Receipt = row.undoInput()
		p.watch(c, row.Path, row.deadline)
	case UndoRetryWait:
		id := r.id(row.Path, row.Attempt, fmt.Sprintf("undo.timer.retry.%d", row.tries))
		p.add(Timer{ID: id, At: row.deadline, path: row.Path, what: timerRetry, undo: true, n: row.Attempt})
	case UndoVerify:
		p.add(Read{
			ID: r.id(row.Path, row.Attempt, fmt.Sprintf("undo.verify.%d", row.N)), Path: row.Path, Service: r.Facts.Service,
			Action: step.Undo.Verify.Uses, Input: row.sampleInput, NotBefore: row.nextSample, Deadline: row.nextSample.Add(readTimeout),
			use: useUndoSample, attempt: row.Attempt,
		})
		id := r.id(row.Path, row.Attempt, fmt.Sprintf("undo.timer.within.%d", row.deadline.UnixMilli()))
		p.add(Timer{ID: id, At: row.deadline, path: row.Path, what: timerWithin, undo: true, n: row.Attempt})
	case UndoIdle, UndoDoubt, UndoAsk, UndoVerdictAsk:
	}
}

// undoInput is what the undo of a row is called with: the input that the
// runbook writes, else the receipt.
func (row *Row) undoInput() (input, receipt json.RawMessage) {
	if row.input != nil {
		return row.input, nil
	}
	return nil, row.Receipt
}

// undoID names the latest intent to undo a row. Each is a call of its own.
func (r *Run) undoID(row *Row) string {
	if row.undos > 1 {
		return r.id(row.Path, row.Attempt, fmt.Sprintf("undo.%d", row.undos))
	}
	return r.id(row.Path, row.Attempt, "undo")
}

func (p *pending) questions() {
	for _, q := range p.r.OpenQuestions() {
		p.add(Ask{ID: q.ID, Question: q})
		if !q.Expires.IsZero() {
			p.add(Timer{ID: q.ID + "/timer.expiry." + fmt.Sprint(q.Expires.UnixMilli()), At: q.Expires, path: q.ID, what: timerExpiry})
		}
		for i, e := range q.Escalates {
			if !e.Asked {
				p.add(Timer{ID: fmt.Sprintf("%s/timer.escalate.%d.%d", q.ID, i, e.At.UnixMilli()), At: e.At, path: q.ID, what: timerEscalate})
				break
			}
		}
	}
}

// OpenQuestions returns the questions that wait for people, oldest first.
func (r *Run) OpenQuestions() []Question {
	var qs []Question
	for _, q := range r.Questions {
		qs = append(qs, *q)
	}
	slices.SortFunc(qs, func(a, b Question) int {
		return cmp.Or(a.OpenedAt.Compare(b.OpenedAt), cmp.Compare(a.ID, b.ID))
	})
	return qs
}
