package enginetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Taken is a sample that was given.
type Taken struct {
	at time.Time
	ok bool
}

// granted: a run has the lock that it tried, or all that it waited for.
func (g *ghost) granted(recs []engine.Record) {
	for _, rec := range recs {
		if e, tried := rec.Event.(engine.LockAdded); tried {
			g.j.locks(g, e.Identity)
			return
		}
	}
	delete(g.stops, stopped{Kind: engine.StopLock})
	g.j.locks(g, append(g.plain(), g.wanted...)...)
}

// plain are the resources that the runbook names in plain text: the run asks
// for them all at once.
func (g *ghost) plain() []string {
	var out []string
	for _, step := range g.book.Mutations() {
		switch {
		case g.facts.UndoOf != "":
		case step.Resource == nil:
			out = append(out, g.facts.Resources[step.Action.Capability])
		default:
			if name, err := step.Resource.Eval(nil); err == nil {
				out = append(out, fmt.Sprint(name))
			}
		}
	}
	return out
}

// busy: who does not wait for a lock goes no further.
func (g *ghost) busy(in engine.LocksBusy, recs []engine.Record) {
	_, _, tried := split(in.ID)
	waits := tried == "" && (g.handlers || g.book.OnLocked == runbook.OnLockedJoin && !in.Same)
	goes := !slices.ContainsFunc(recs, func(r engine.Record) bool {
		return slices.Contains([]string{"step_failed", "retry_scheduled", "troubled"}, r.Event.Kind())
	})
	if goes != waits {
		g.failf("it is told that %s has what it asked for with %s, and that is recorded as %s", in.Holder, in.ID, kinds(recs))
	}
}
