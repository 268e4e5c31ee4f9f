package enginetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// judge watches a town by its moments, one ghost for each run.
type judge struct {
	ghosts  map[string]*ghost
	holders map[string]string // run by resource
	now     time.Time
	passed  time.Duration // by the clock, at least
	err     error
}

func newJudge() *judge {
	return &judge{ghosts: map[string]*ghost{}, holders: map[string]string{}, now: epoch}
}

// add tells the judge of a run to come.
func (j *judge) add(run string, book *runbook.Runbook) { j.ghosts[run] = newGhost(j, run, book) }

func (j *judge) failf(run, format string, args ...any) {
	if j.err == nil {
		j.err = fmt.Errorf("run %s: "+format, append([]any{run}, args...)...)
	}
}

// see judges a moment. It returns the first thing that was ever wrong.
func (j *judge) see(m moment) error {
	j.passed += max(m.at.Sub(j.now), 0)
	j.now = m.at
	g := j.ghosts[m.run]
	switch {
	case g == nil:
	case m.in != nil:
		g.gave(m.in, m.recs, m.err)
	case m.begun != nil:
		g.starts(m.begun)
	case m.happened != nil:
		g.happened(m.happened, *m.outcome)
	}
	return j.err
}

// pending judges what should be open for a run.
func (j *judge) pending(run string, want []engine.Command) error {
	j.ghosts[run].pending(want)
	return j.err
}

// locks: what a run was given it has for itself.
func (j *judge) locks(g *ghost, identities ...string) {
	for _, r := range identities {
		if other := j.holders[r]; other != "" && other != g.id {
			g.failf("%s is given to it, and %s has it", r, other)
		}
		j.holders[r] = g.id
	}
}

// has reports whether a run has any lock.
func (j *judge) has(g *ghost) bool {
	for _, holder := range j.holders {
		if holder == g.id {
			return true
		}
	}
	return false
}

// free: what a run that has ended had is free.
func (j *judge) free(g *ghost) {
	for r, holder := range j.holders {
		if holder == g.id {
			delete(j.holders, r)
		}
	}
}

// resource is what a mutation really changes.
func resource(cmd engine.Command) string {
	action, t, _ := mutation(cmd)
	if strings.HasPrefix(action, "tool.") {
		return "kv:" + t.Key
	}
	return Resource
}

// starts judges the start of a mutation or an undo.
func (g *ghost) starts(cmd engine.Command) {
	id := cmd.CommandID()
	call := g.calls[id]
	if call == nil || call.begun {
		g.failf("%s is begun for the second time, or was never intended", id)
		return
	}
	call.begun = true
	_, attempt, _ := split(id)
	_, undo := cmd.(engine.Undo)
	if g.j.holders[resource(cmd)] != g.id {
		g.failf("%s is begun without the lock", id)
	}
	g.permitted(id, undo)
	switch c := cmd.(type) {
	case engine.Act:
		g.acts(c, attempt)
	case engine.Undo:
		g.undoes(c, attempt)
	}
}

// permitted: what holds for every mutation, forward or back.
func (g *ghost) permitted(id string, undo bool) {
	for other, c := range g.calls {
		if c.unknown {
			g.failf("%s is begun while it is not known what became of %s", id, other)
		}
	}
	if g.ended {
		g.failf("%s is begun after the end", id)
	}
	covered := undo && g.undoWordAt > g.haltAt
	if g.halted() && !covered {
		g.failf("%s is begun under a halt", id)
	}
	if g.haltAt > g.yesAt {
		g.failf("%s is begun after a halt, and nobody has said yes since", id)
	}
	if undo && g.cancelAt >= 0 && g.undoWordAt < g.cancelAt {
		g.failf("%s is begun after a cancel that undoes nothing", id)
	}
}

// acts: a forward mutation needs its approval, its guard, and earlier attempts
// that did nothing.
func (g *ghost) acts(c engine.Act, attempt int) {
	step := g.book.Step(c.Path)
	g.does(c, step)
	g.beside(step)
	g.approved(c, step)
	g.guarded(c, step)
	for _, other := range g.calls {
		if other.path != c.Path || other.undo || other.attempt == attempt {
			continue
		}
		if other.happened && !other.lied && !step.Action.Idempotent {
			g.failf("%s is begun although attempt %d took effect", c.ID, other.attempt)
		}
		if other.known != "none" {
			g.failf("%s is begun although attempt %d is %q", c.ID, other.attempt, other.known)
		}
	}
	main := !strings.HasPrefix(c.Path, "on_failure/") && !strings.HasPrefix(c.Path, "finally/")
	for id, other := range g.calls {
		if main && !other.undo && (other.known == "partial" || other.known == "left unknown") {
			g.failf("%s is begun although %s is %s", c.ID, id, other.known)
		}
	}
	if g.cancelAt >= 0 || g.undoWordAt >= 0 {
		if main {
			g.failf("%s is begun after a cancel", c.ID)
		}
	}
}

// holds is until when an approval has to be used.
func (g *ghost) holds(a *approval, gate *runbook.Step) time.Time {
	return g.longer(a.at.Add(gate.Approve.ValidFor), a.n)
}

func (g *ghost) approved(c engine.Act, step *runbook.Step) {
	gate := step.Gate()
	a := g.approvals[gate.Path]
	if a == nil {
		g.failf("%s is begun without an approval of %s", c.ID, gate.Path)
		return
	}
	if a.n < g.haltAt || a.n < g.pinsAt {
		g.failf("%s is begun under an approval that was void", c.ID)
	}
	if !a.consumed {
		g.failf("%s is begun under an approval that held until %s", c.ID, g.holds(a, gate))
	}
	for _, m := range a.question.Members {
		if m.Path != c.Path {
			continue
		}
		t := parse(c.Input, nil)
		shown := parse(m.Binding, nil)
		if t != shown {
			g.failf("%s does %+v, shown was %+v", c.ID, t, shown)
		}
		if c.Expect != m.Fingerprint && !g.left[c.Expect] {
			g.failf("%s expects %s, shown was %s", c.ID, c.Expect, m.Fingerprint)
		}
		return
	}
	g.failf("%s is begun, and nobody was shown it", c.ID)
}

// guarded: the answer of a step's guard counts only for the intent in the same
// transaction.
func (g *ghost) guarded(c engine.Act, step *runbook.Step) {
	if step.Guard == nil {
		return
	}
	in, ok := g.last.(engine.Returned)
	if !ok {
		g.failf("%s is begun without its guard, after %T", c.ID, g.last)
		return
	}
	path, _, phase := split(in.ID)
	if path != c.Path || !strings.HasPrefix(phase, "guard.") || string(in.Outcome.Outputs) != `{"value":0}` {
		g.failf("%s is begun without a guard that holds: %+v", c.ID, in)
	}
}

// undoes: only what took effect is undone, with its receipt, the latest first,
// one at a time, and nothing that somebody else has changed.
func (g *ghost) undoes(c engine.Undo, attempt int) {
	act := g.act(c.Path, attempt)
	if act == nil || act.known == "none" || act.known == "" {
		g.failf("%s undoes what has not happened", c.ID)
		return
	}
	if !act.happened && !act.lied {
		g.failf("%s undoes what the world has not seen", c.ID)
	}
	for id, other := range g.calls {
		if id != c.ID && other.known == "" {
			g.failf("%s is begun while %s is in flight", c.ID, id)
		}
	}
	for key, b := range g.backs {
		if b.looking {
			g.failf("%s is begun while the undo of %s is looked at", c.ID, key)
		}
	}
	if act.receipt != "" && c.Input == nil && string(c.Receipt) != act.receipt {
		g.failf("%s gets the receipt %s, and not %s", c.ID, c.Receipt, act.receipt)
	}
	if g.undoFailedAt >= 0 {
		g.failf("%s is begun after an undo that failed", c.ID)
	}
	top := first(c.Path)
	if g.committed[top] && g.undoWordAt < 0 {
		g.failf("%s undoes what is committed", c.ID)
	}
	for id, other := range g.calls {
		step := g.book.Step(other.path)
		key := fmt.Sprint(other.path, "#", other.attempt)
		later := !other.undo && first(other.path) == top && other.order > act.order && step.Undo.Uses != ""
		if later && (other.known == "applied" || other.known == "partial") && !g.kept[key] && !g.undone(other) {
			g.failf("%s is begun before the undo of %s, which came later", c.ID, id)
		}
	}
	if over, forced := g.forced[c.Path]; !g.left[c.Expect] && (!forced || over != c.Expect) {
		g.failf("%s expects %s, which no action of this run left, and which nobody was shown", c.ID, c.Expect)
	}
}

// first is the part of a path that is committed together: the step at the top
// of the main part or of a handler.
func first(path string) string {
	parts := strings.SplitN(path, "/", 3)
	if parts[0] == "on_failure" || parts[0] == "finally" {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}

func (g *ghost) act(path string, attempt int) *ghostCall {
	return g.calls[fmt.Sprintf("%s/%s#%d/act", g.id, path, attempt)]
}

func (g *ghost) undone(act *ghostCall) bool {
	for _, c := range g.calls {
		if c.undo && c.path == act.path && c.attempt == act.attempt && c.known == "applied" {
			return true
		}
	}
	return false
}

// ends judges the end: nothing is left open, and the word is true.
func (g *ghost) ends(e engine.RunEnded) {
	if g.ended {
		g.failf("the run ends twice")
	}
	g.ended = true
	g.j.free(g)
	g.finally()
	var stays []string
	failed := false
	for id, c := range g.calls {
		if c.known == "" {
			g.failf("the run ends while %s is in flight or in doubt", id)
		}
		failed = failed || c.undo && c.known != "applied"
		if !c.undo && c.known == "left unknown" && !e.Word.Dirty() && (e.Word != engine.HandedOver || len(e.Changed) == 0) {
			g.failf("the run ends %s, and nobody can tell what became of %s", e.Word, id)
		}
		if c.undo || !c.took() || g.committed[first(c.path)] || g.reallyUndone(c) {
			continue
		}
		stays = append(stays, id)
	}
	switch e.Word {
	case engine.FailedDirty, engine.CancelledDirty:
		if len(stays) == 0 && g.doubts == 0 && !failed {
			g.failf("the run ends %s, and nothing stays changed", e.Word)
		}
		if len(e.Changed) == 0 {
			g.failf("the run ends %s, and lists nothing", e.Word)
		}
		if !g.paged {
			g.failf("the run ends %s, and nobody is paged", e.Word)
		}
	case engine.HandedOver:
		stays = slices.DeleteFunc(stays, func(id string) bool { return g.verified[first(g.calls[id].path)] })
		if len(stays) > 0 && len(e.Changed) == 0 {
			g.failf("the run ends %s, and lists nothing", e.Word)
		}
	default:
		if len(stays) > 0 {
			g.failf("the run ends %s, and %v stay changed", e.Word, stays)
		}
	}
	if e.AskedFor < 0 || e.AskedFor > g.j.passed {
		g.failf("people were waited for %s", e.AskedFor)
	}
}

// finally: a run comes to each of its last steps, unless it undoes another.
func (g *ghost) finally() {
	for _, step := range g.book.Finally {
		if g.facts.UndoOf == "" && !g.touched[step.Path] {
			g.failf("the run ends, and never came to %s", step.Path)
		}
	}
}

func (g *ghost) reallyUndone(act *ghostCall) bool {
	for _, c := range g.calls {
		if c.undo && c.path == act.path && c.attempt == act.attempt && c.took() {
			return true
		}
	}
	return false
}
