package engine

import (
	"fmt"
	"slices"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Holds reports whether the run has an identity for itself.
func (l Locks) Holds(identity string) bool {
	_, found := slices.BinarySearch(l.Identities, identity)
	return found && l.State == LocksHeld
}

// identity of what a mutation changes: its tool's `resource`, else what the
// service's binding is. Empty: nothing names it, or not yet.
func (d *decider) identity(s *runbook.Step) string {
	if s.Resource == nil {
		return d.run.Facts.Resources[s.Action.Capability]
	}
	id, err := d.text(s.Frame, s.Resource)
	if err != nil {
		return ""
	}
	return id
}

// target is what a mutation will change when its turn comes; empty: that is
// not known, or not yet. An identity can be told too early: where the runbook
// says what to do without an answer that is still to come.
func (d *decider) target(s *runbook.Step) string {
	for _, program := range s.Resource.Programs() {
		if !d.settledNames(s.Frame, program) {
			return ""
		}
	}
	return d.identity(s)
}

// lockLate sees to it at a mutation's turn that the run has what it changes.
// Whatever was known before the first gate was asked for then. What has become
// known since is tried: a run that has locks waits for none. moved: something
// was decided.
func (d *decider) lockLate(step *runbook.Step) (moved, held bool) {
	if d.run.Bar != nil {
		return false, true // it is only looked at
	}
	id := d.identity(step)
	switch {
	case step.Resource != nil && id == "":
		_, err := d.text(step.Frame, step.Resource)
		if err == nil {
			err = fmt.Errorf("resource is empty: name what %s changes", step.Path)
		}
		d.fail(step, "expression", err.Error())
		return true, false
	case d.run.Locks.State != LocksHeld, id == "", d.run.Locks.Holds(id):
		return false, true // its gate asks for it, with all others
	case d.blocked(), d.trying(id):
		return false, false
	}
	d.tryLock(step, id)
	return true, false
}

func (d *decider) tryLock(step *runbook.Step, id string) {
	d.emit(LockTried{Path: step.Path, Attempt: d.nextAttempt(step.Path), Identity: id})
}

// trying reports whether a step tries to lock an identity.
func (d *decider) trying(id string) bool {
	for _, s := range d.run.Steps {
		if s.Doing == DoingLock && s.Resource == id {
			return true
		}
	}
	return false
}
