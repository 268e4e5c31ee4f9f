package enginetest

import (
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

type down struct {
	n int // when
	d time.Duration
}

type ghostCall struct {
	begun    bool
	undo     bool
	path     string
	attempt  int
	happened bool   // the world was changed by it
	unknown  bool   // the run was told that nobody knows
	known    string // what the run was told in the end
	order    int    // of when it was known
	receipt  string // what the run was given to undo it with
	lied     bool   // what it was told was not so
}

// took reports whether a call is to be counted as one that changed something:
// by what the world has seen, or where the run was lied to by what it was told.
func (c *ghostCall) took() bool {
	if c.lied {
		return c.known != "none"
	}
	return c.happened
}

func (g *ghost) probes(id string, c *ghostCall) bool {
	path, attempt, _ := split(id)
	return path == c.path && attempt == c.attempt && (c.undo == strings.Contains(id, "/undo."))
}

func answers(in engine.Input) string {
	switch in := in.(type) {
	case engine.Planned:
		return in.ID
	case engine.Returned:
		return in.ID
	case engine.Probed:
		return in.ID
	default:
		return ""
	}
}

func (g *ghost) returned(in engine.Returned) {
	if c := g.calls[in.ID]; c != nil {
		if c.known == "" {
			g.know(c, string(in.Outcome.Effect), in.Outcome)
		}
		return
	}
	path, _, phase := split(in.ID)
	if phase == "act" && in.Outcome.Failure == nil {
		g.outputs[path] = in.Outcome.Outputs
	}
	if strings.HasPrefix(phase, "undo.verify.") {
		g.looked(in)
	}
	if strings.HasPrefix(phase, "verify.") {
		ok := in.Outcome.Failure == nil && strings.Contains(string(in.Outcome.Outputs), "true")
		if in.Outcome.Failure == nil {
			g.samples[path] = append(g.samples[path], Taken{g.j.now, ok})
		}
	}
}

// know notes what the run has been told about a call.
func (g *ghost) know(c *ghostCall, effect string, o engine.Outcome) {
	if effect == string(engine.EffectUnknown) {
		c.unknown = true
		return
	}
	c.known, c.unknown, c.order, c.receipt = effect, false, g.n, string(o.Receipt)
	switch effect {
	case string(engine.EffectNone):
		c.lied = c.happened
	case string(engine.EffectApplied), string(engine.EffectPartial):
		c.lied = !c.happened
	}
	if o.Left != "" {
		g.left[o.Left] = true
	}
	again := effect == string(engine.EffectNone) && (o.Failure == nil && g.undos(c) < 3 || o.Failure != nil && o.Failure.Class == "drift" || c.undo && g.again(c.path, c.attempt, o.Failure))
	if c.undo && (effect != string(engine.EffectApplied) || o.Failure != nil) && !again {
		g.undoFailedAt = g.n
		c.known = "failed"
	}
}

// undos counts how often what a call undoes has been undone.
func (g *ghost) undos(c *ghostCall) (n int) {
	for _, other := range g.calls {
		if other.undo && other.path == c.path && other.attempt == c.attempt {
			n++
		}
	}
	return n
}

// doubted is the call that a question is about.
func (g *ghost) doubted(q engine.Question) *ghostCall {
	var found *ghostCall
	for _, c := range g.calls {
		if c.path == q.Path && c.attempt == q.Attempt && c.undo == q.Undo && c.known == "" {
			found = c
		}
	}
	return found
}

// intends notes a call that is about to begin, unless a crash comes first.
func (g *ghost) intends(id string, undo bool) {
	path, attempt, _ := split(id)
	g.calls[id] = &ghostCall{undo: undo, path: path, attempt: attempt}
}

// acted: the record says what the run was told, and nothing else.
func (g *ghost) acted(e engine.Acted) {
	in, ok := g.last.(engine.Returned)
	step := g.book.Step(e.Path)
	if !step.Mutates() {
		return
	}
	if !ok || e.Outcome.Effect != in.Outcome.Effect {
		g.failf("%s is recorded as %s, after %s", e.Path, e.Outcome.Effect, describe(g.last))
	}
}

// turn: the time of what was asked early begins with its turn.
func (g *ghost) turn(path string, at time.Time) {
	for _, q := range g.questions {
		if q.Path == path && q.Early {
			q.Early, q.OpenedAt, q.n = false, at, g.n
		}
	}
}

// touches is the step that an event says something about.
func touches(e engine.Event) string {
	switch e := e.(type) {
	case engine.StepStarted:
		return e.Path
	case engine.StepSkipped:
		return e.Path
	default:
		return ""
	}
}

// happened notes that the world was changed.
func (g *ghost) happened(cmd engine.Command, o engine.Outcome) {
	if c := g.calls[cmd.CommandID()]; c != nil && o.Failure == nil {
		c.happened = true
	}
}
