package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// stopping waits until nothing is in flight and nothing in doubt; only then
// the first undo is chosen.
func (d *decider) stopping() bool {
	if d.openUnder("") || d.run.Doubtful() {
		return false
	}
	for _, row := range d.run.Ledger {
		if row.Undoing == UndoAct || row.Undoing == UndoVerify || row.Undoing == UndoVerdictAsk {
			return false
		}
	}
	for _, path := range slices.Sorted(maps.Keys(d.run.Steps)) {
		if s := d.run.Steps[path]; !s.Done() {
			d.emit(StepStopped{Path: path})
		}
	}
	d.emit(PhaseEntered{Phase: PhaseUndoing})
	return true
}

// end ends the run with the word that its ledger and its cause give.
func (d *decider) end() bool {
	r := &d.run
	var changed []string
	for _, row := range r.Ledger {
		if row.dirty() {
			changed = append(changed, row.describe())
		}
	}
	word := r.word(len(changed) > 0)
	switch {
	case word.Dirty():
		d.emit(NoticeQueued{To: r.Owner(), Page: true, Text: fmt.Sprintf("run %s of %s ended %s; it stays changed: %s",
			r.Facts.ID, r.Facts.Runbook, word, strings.Join(changed, "; "))})
	case word == HandedOver && len(changed) > 0:
		d.emit(NoticeQueued{To: r.Owner(), Text: fmt.Sprintf("run %s of %s is left to %s; it stays changed: %s",
			r.Facts.ID, r.Facts.Runbook, r.Cause.By, strings.Join(changed, "; "))})
	case word == NoAction && r.Facts.Requester.Automatic():
		d.emit(NoticeQueued{To: r.Owner(), Text: fmt.Sprintf("run %s of %s looked, and changed nothing", r.Facts.ID, r.Facts.Runbook)})
	}
	asked := r.AskedFor
	if !r.Asking.IsZero() {
		asked += max(d.now.Sub(r.Asking), 0) // a clock may be behind
	}
	d.emit(RunEnded{Word: word, Changed: changed, AskedFor: asked})
	return true
}

// word is how the run ends: a function of the ledger and of why it did not
// go on.
func (r *Run) word(dirty bool) Word {
	pick := func(clean, otherwise Word) Word {
		if dirty {
			return otherwise
		}
		return clean
	}
	if r.Cause == nil || r.Cause.InFinally {
		for _, row := range r.Ledger {
			if row.State == RowCommitted {
				return pick(Succeeded, FailedDirty)
			}
		}
		return pick(NoAction, FailedDirty)
	}
	switch r.Cause.Kind {
	case CauseCancel:
		return pick(CancelledClean, CancelledDirty)
	case CauseRefused:
		return pick(Refused, FailedDirty)
	case CauseHandedOver:
		return HandedOver
	case CauseUndo:
		return pick(Undone, FailedDirty)
	default:
		return pick(FailedClean, FailedDirty)
	}
}

// dirty reports whether the row's target stays changed without a verify that
// passed or a person who took it.
func (row *Row) dirty() bool {
	switch row.State {
	case RowNone, RowCommitted, RowUndone:
		return false
	default:
		return true
	}
}

func (row *Row) describe() string {
	s := fmt.Sprintf("%s (%s, %s)", row.Path, row.Action, row.State)
	if row.Why != "" {
		s += ": " + row.Why
	}
	return s
}

// Owner is who answers for the run: the team that owns the service, else the
// one that owns the runbook, else whoever started it.
func (r *Run) Owner() string {
	switch {
	case r.Facts.Owner != "":
		return r.Facts.Owner
	case r.Book.Owner != "":
		return r.Book.Owner
	default:
		return r.Facts.Requester.Name
	}
}
