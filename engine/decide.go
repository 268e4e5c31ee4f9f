package engine

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Decide returns the records that follow from an input, numbered and ready
// to be stored. now is the runtime's clock. A person's refused input returns
// both the record of the refusal and a [*Refusal]; a machine's input that no
// longer matters returns [ErrStale] and no records; an input that would
// change nothing returns neither. Decide never blocks and changes nothing.
func Decide(r Run, in Input, now time.Time) ([]Record, error) {
	_, recs, err := Advance(r, in, now)
	return recs, err
}

// Advance is Decide and Fold in one: it also returns the run with the records
// folded in, which were folded to decide.
func Advance(r Run, in Input, now time.Time) (Run, []Record, error) {
	d := &decider{run: r, now: now}
	err := d.take(in)
	if err != nil && len(d.out) == 0 {
		return r, nil, err
	}
	d.advance()
	d.run.own = own{}
	return d.run, d.out, err
}

// decider collects the records of one Decide, and applies each at once so
// that the next choice sees it.
type decider struct {
	run Run
	now time.Time
	out []Record
}

func (d *decider) emit(e Event) {
	rec := Record{Seq: d.run.Seq + 1, At: d.now, Event: e}
	d.out = append(d.out, rec)
	d.run.apply(rec)
}

func (d *decider) take(in Input) error {
	if s, ok := in.(Start); ok {
		return d.start(s)
	}
	if d.run.Phase == "" {
		return &StartError{Reason: "the run has not been started"}
	}
	if p, ok := in.(Person); ok {
		return d.person(p)
	}
	switch in := in.(type) {
	case Recovered:
		return d.recovered(in)
	case AlertResolved:
		return d.alertResolved()
	case ChangeMade:
		return d.changeMade(in.Change)
	case Freeze:
		return d.freeze(in)
	case LookedAt:
		return d.lookedAt(in)
	case Barred:
		return d.barred(in.Bar)
	case Notified:
		return d.notified(in)
	case Joined:
		return d.joined(in)
	default:
		return d.machine(in)
	}
}

func (d *decider) start(s Start) error {
	if d.run.Phase != "" {
		return &StartError{Reason: fmt.Sprintf("run %s has been started before", d.run.Facts.ID)}
	}
	for _, in := range d.run.Book.Inputs {
		raw, given := s.Facts.Inputs[in.Name]
		if !given {
			if in.Required {
				return &StartError{Reason: fmt.Sprintf("input %s is missing: %s needs it", in.Name, d.run.Book.Name)}
			}
			continue
		}
		if _, err := in.Type.Decode(raw); err != nil {
			return &StartError{Reason: fmt.Sprintf("input %s: %v", in.Name, err)}
		}
	}
	for name := range s.Facts.Inputs {
		if !d.declares(name) {
			return &StartError{Reason: fmt.Sprintf("%s has no input %s", d.run.Book.Name, name)}
		}
	}
	if s.Facts.UndoOf == "" {
		if why := d.reachable(rules(s.Facts)); why != "" {
			return &StartError{Reason: why}
		}
	}
	if s.Facts.UndoOf != "" && !undoable(s.Facts.unroll(d.run.Book), s.Facts.Undo) {
		return &StartError{Reason: fmt.Sprintf("nothing undoes what run %s has changed", s.Facts.UndoOf)}
	}
	d.emit(RunStarted{Facts: s.Facts})
	d.pageBar()
	return nil
}

func (d *decider) declares(input string) bool {
	for _, in := range d.run.Book.Inputs {
		if in.Name == input {
			return true
		}
	}
	return false
}

// recovered makes everything unknown that an older generation had begun and
// not ended, before anything else is decided.
func (d *decider) recovered(in Recovered) error {
	if d.run.Ended() || in.Generation <= d.run.Generation {
		return ErrStale
	}
	if in.Pins == nil || in.Pins.equal(d.run.Facts.Pins) {
		in.Pins, in.Roles = nil, nil
	}
	d.emit(RunRecovered{Generation: in.Generation, Down: max(in.Down, 0), Pins: in.Pins, Roles: in.Roles})
	for _, path := range slices.Sorted(maps.Keys(d.run.Steps)) {
		if s := d.run.Steps[path]; s.Doing == DoingAct {
			d.lost(path, s.Attempt, "unavailable", "firebreak was stopped while the action was running")
		}
	}
	for _, row := range d.run.Ledger {
		if row.Undoing == UndoAct {
			d.undoLost(row, "unavailable", "firebreak was stopped while the undo was running")
		}
	}
	if in.Pins != nil {
		d.voidAll("the configuration or a plugin was changed while the run waited")
	}
	return nil
}

func (d *decider) alertResolved() error {
	if d.run.Ended() {
		return ErrStale
	}
	d.emit(AlertOver{})
	if d.run.Phase == PhaseRunning && len(d.run.Ledger) == 0 {
		d.trouble(Cause{Kind: CauseRefused, Class: "resolved", Reason: "the alert was resolved before anything was changed"}, nil)
	}
	return nil
}

func (d *decider) notified(in Notified) error {
	for _, n := range d.run.Notices {
		if !n.Sent && in.ID == fmt.Sprintf("%s/notify.%d", d.run.Facts.ID, n.N) {
			d.emit(NoticeSent{N: n.N, Error: in.Error})
			return nil
		}
	}
	return ErrStale
}

// machine routes the answer of a command to what waits for it. An answer to
// a command that is not open is stale, or a late result.
func (d *decider) machine(in Input) error {
	id := answers(in)
	for _, c := range d.run.pending() {
		if c.CommandID() != id {
			continue
		}
		switch c := c.(type) {
		case PlanCall:
			if in, ok := in.(Planned); ok {
				d.planned(c, in)
				return nil
			}
		case Read:
			if in, ok := in.(Returned); ok {
				d.read(c, d.kept(c, in.Outcome))
				return nil
			}
		case Act:
			if in, ok := in.(Returned); ok {
				d.acted(c.Path, c.attempt, d.kept(c, in.Outcome))
				return nil
			}
		case Undo:
			if in, ok := in.(Returned); ok {
				d.undone(d.run.row(c.Path, c.attempt), d.kept(c, in.Outcome))
				return nil
			}
		case Probe:
			if in, ok := in.(Probed); ok {
				d.probed(c, in.Outcome)
				return nil
			}
		case Timer:
			if _, ok := in.(TimerFired); ok {
				return d.fired(c)
			}
		case Lock:
			if _, ok := in.(LocksGranted); ok {
				d.locked(c)
				return nil
			}
			if in, ok := in.(LocksBusy); ok {
				d.busy(c, in)
				return nil
			}
		default:
		}
		return fmt.Errorf("%w: %T does not answer %s", ErrStale, in, id)
	}
	if in, ok := in.(Returned); ok {
		return d.late(in)
	}
	return ErrStale
}

func answers(in Input) string {
	switch in := in.(type) {
	case Planned:
		return in.ID
	case Returned:
		return in.ID
	case Probed:
		return in.ID
	case TimerFired:
		return in.ID
	case LocksGranted:
		return in.ID
	case LocksBusy:
		return in.ID
	default:
		return ""
	}
}

// fired acts on a timer, which may be late.
func (d *decider) fired(t Timer) error {
	switch t.what {
	case timerExpiry:
		d.expired(t.path)
	case timerEscalate:
		d.escalate(t.path)
	case timerValid:
		d.void(t.path, "the approval was not used in time", nil, false)
	case timerRetry:
		if t.undo {
			d.emit(UndoRetryBegan{Path: t.path, Attempt: t.n})
			return nil
		}
		d.again(t.path)
	case timerFence:
		d.fenced(t.path, t.n, t.undo)
	case timerWithin:
		if t.undo {
			d.undoSampledOut(d.run.row(t.path, t.n))
			return nil
		}
		d.sampledOut(t.path)
	case timerWait:
		d.emit(StepSucceeded{Path: t.path})
	case timerLost:
		return d.unanswered(t.call)
	case timerTimeout:
		d.timedOut(t.path)
	}
	return nil
}

// timedOut ends a group, or the run (path empty), that took too long.
func (d *decider) timedOut(path string) {
	limit, what := d.run.Book.Timeout, "the run"
	if path != "" {
		limit, what = d.run.Book.Step(path).Timeout, path
	}
	reason := fmt.Sprintf("%s did not end within %s, not counting the time of people and stops", what, limit)
	if path != "" {
		if item := d.forgives(d.run.Book.Step(path)); item != nil {
			d.emit(StepFailed{Path: item.Path, Class: "timeout", Reason: reason, Effect: EffectNone})
			return
		}
	}
	d.troubleAt(path, "timeout", reason)
}

// unanswered treats a call that was never answered as one that timed out.
func (d *decider) unanswered(call string) error {
	f := &Failure{Class: "timeout", Reason: "no answer came by the deadline"}
	for _, c := range d.run.pending() {
		if c.CommandID() != call {
			continue
		}
		switch c.(type) {
		case PlanCall:
			return d.machine(Planned{ID: call, Failure: f})
		case Read:
			return d.machine(Returned{ID: call, Outcome: Outcome{Failure: f, Effect: EffectNone}})
		case Act, Undo:
			return d.machine(Returned{ID: call, Outcome: Outcome{Failure: f, Effect: EffectUnknown}})
		case Probe:
			return d.machine(Probed{ID: call, Outcome: Outcome{Failure: f, Effect: EffectUnknown}})
		default:
		}
	}
	return ErrStale
}
