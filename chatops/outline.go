package chatops

import (
	"fmt"
	"maps"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

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

// unroll makes the steps of a foreach's items known: they are those of its
// template.
func (o Outline) unroll(path string, items int) {
	template := path + "/item"
	if _, ok := o[template]; !ok {
		return // they are known already
	}
	for at, e := range maps.Clone(o) {
		if rest, ok := strings.CutPrefix(at, template); ok && (rest == "" || rest[0] == '/') {
			for i := 1; i <= items; i++ {
				o[fmt.Sprintf("%s/%d%s", path, i, rest)] = e
			}
		}
	}
	o.Number(path)
}

// Number gives the steps of a foreach's items the number of their item.
func (o Outline) Number(path string) {
	items := 0
	for o.has(path, items+1) {
		items++
	}
	for i := 1; i <= items; i++ {
		item := fmt.Sprintf("%s/%d", path, i)
		e := o[item]
		e.Name = fmt.Sprintf("%d of %d", i, items)
		o[item] = e
		prefix := item + "/"
		for at, e := range o {
			if strings.HasPrefix(at, prefix) {
				e.Name = fmt.Sprintf("%s (%d of %d)", e.Name, i, items)
				o[at] = e
			}
		}
	}
}

func (o Outline) has(path string, item int) bool {
	_, ok := o[fmt.Sprintf("%s/%d", path, item)]
	return ok
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
	case runbook.KindGroup, runbook.KindParallel, runbook.KindForeach, runbook.KindCall, runbook.KindNotify, runbook.KindSet, runbook.KindAsk:
		return true
	default:
		return false
	}
}
