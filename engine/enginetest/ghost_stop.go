package enginetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// stopped names a stop.
type stopped struct {
	Kind    engine.StopKind
	Service string
}

func (g *ghost) halted() bool { return len(g.stops) > 0 }

// standing are the stops that stand, in some fixed order.
func (g *ghost) standing() []stopped {
	all := slices.Collect(maps.Keys(g.stops))
	slices.SortFunc(all, func(a, b stopped) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return all
}

// unfrozen: nothing is the first to begin under a gate while a freeze stands,
// unless the glass was broken for it since; but a handler tidies up.
func (g *ghost) unfrozen(path string, gate *runbook.Step) {
	if len(g.freezes) == 0 {
		return
	}
	for _, c := range g.calls {
		if g.handlers && !c.undo || !c.undo && g.book.Step(c.path).Gate() == gate {
			return
		}
	}
	if a := g.approvals[gate.Path]; a == nil || !a.glass || a.n < g.frozenAt {
		g.failf("%s is begun under a freeze", path)
	}
}

// stop notes that a stop was set, unless it stood already.
func (g *ghost) stop(kind engine.StopKind, service string) {
	if s := (stopped{kind, service}); !g.stops[s] {
		g.stops[s] = true
		g.haltAt = g.n
	}
}

// stands notes a stop that a person has set: it is recorded, unless it stood.
func (g *ghost) stands(kind engine.StopKind, service string, recs []engine.Record) {
	if !g.stops[stopped{kind, service}] && !among(recs, "stopped") {
		g.failf("a %s is set, and that is recorded as%s", kind, kinds(recs))
	}
	g.stop(kind, service)
}
