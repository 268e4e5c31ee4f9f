package engine

import (
	"fmt"
	"maps"
	"slices"
)

// Bar is a rule by which a run changes nothing. It looks, plans the first
// change that it comes to, says what it would have done, and ends refused.
type Bar struct {
	Class  string `json:"class"`          // the kind of rule
	Reason string `json:"reason"`         // the rule, and the way past it
	Page   bool   `json:"page,omitempty"` // who answers for the service is paged as it is set
}

// barWhy is why steps are passed over in a run that is barred.
const barWhy = "only reads are made: a rule bars the run from changes"

// barred sets a bar on a run that goes on and has begun no change. What people
// were asked, or had said, is void: it is looked at once more, and not done.
func (d *decider) barred(bar Bar) error {
	if !d.run.Barrable() {
		return ErrStale
	}
	d.emit(RunBarred{Bar: bar})
	d.pageBar()
	d.voidAll("barred: " + bar.Reason)
	if d.readOnly() {
		for _, path := range slices.Sorted(maps.Keys(d.run.Steps)) {
			if step := d.run.Book.Step(path); step != nil && step.Mutates() && d.run.step(path).Status == StatusRunning {
				d.emit(StepSkipped{Path: path, Why: barWhy})
			}
		}
	}
	return nil
}

// Barrable reports whether a rule may yet bar the run from changes: it goes
// on, undoes no other, has begun no change, and is not barred.
func (r *Run) Barrable() bool {
	return r.Phase != "" && !r.Ended() && r.Bar == nil && r.Facts.UndoOf == "" && len(r.Ledger) == 0
}

// pageBar wakes who answers for the service, where the rule says so.
func (d *decider) pageBar() {
	if bar := d.run.Bar; bar != nil && bar.Page {
		d.emit(NoticeQueued{To: d.run.Owner(), Page: true, Text: fmt.Sprintf("run %s of %s changes nothing: %s", d.run.Facts.ID, d.run.Facts.Runbook, bar.Reason)})
	}
}

// MayChange is how many changes the run may yet begin, at most: its steps that
// change something and have not ended. Those of a foreach whose list is not
// known count once.
func (r *Run) MayChange() (n int) {
	if r.Ended() || r.Bar != nil || r.Facts.UndoOf != "" {
		return 0
	}
	for _, step := range r.Book.All() {
		if !step.Mutates() {
			continue
		}
		open := r.step(step.Path).ActedAt.IsZero()
		for at := step; at != nil && open; at = at.Parent {
			open = !r.step(at.Path).Done()
		}
		if open && !slices.ContainsFunc(r.Ledger, func(row *Row) bool { return row.Path == step.Path && row.State != RowNone }) {
			n++
		}
	}
	return n
}
