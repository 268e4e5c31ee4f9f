package chatops

import "github.com/firebreak-ops/firebreak/engine/runbook"

// Outline is what the steps of a run are, by path. The records of a run name
// steps by path alone; its runbook, or whoever has it, knows the rest. A nil
// Outline knows nothing, and steps are called by the end of their path.
type Outline map[string]Entry

// Entry is one step of an [Outline].
type Entry struct {
	Name  string // its id, else its action, else its kind
	Named bool   // the runbook gives it an id
	Kind  runbook.Kind
}

// NewEntry returns the entry of a step.
func NewEntry(id, uses string, kind runbook.Kind) Entry {
	e := Entry{Name: id, Named: id != "", Kind: kind}
	if e.Name == "" {
		e.Name = uses
	}
	if e.Name == "" {
		e.Name = string(kind)
	}
	return e
}

// Name is what people call the step at a path.
func (o Outline) Name(path string) string {
	if e, ok := o[path]; ok {
		return e.Name
	}
	return lastSegment(path)
}

// silent reports whether the success of a step is no news: what is inside a
// group has been told, and so has what a notify step tells, or an ask step was
// given.
func (o Outline) silent(path string) bool {
	switch o[path].Kind {
	case runbook.KindGroup, runbook.KindParallel, runbook.KindNotify, runbook.KindSet, runbook.KindAsk:
		return true
	default:
		return false
	}
}
