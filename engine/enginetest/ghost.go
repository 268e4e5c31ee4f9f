package enginetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// ghost watches a run and holds it to the invariants of semantics.md. It
// knows only what was given to the run, what the run started, what it wrote
// down for ever, and what the world has seen.
type ghost struct {
	j     *judge
	id    string
	book  *runbook.Runbook
	facts engine.Facts // as they were given
	n     int          // of the inputs
	calls map[string]*ghostCall

	approvals map[string]*approval // by path of the gate
	questions map[string]*asked
	handed    map[string]map[string]string // by gate: who has left the answer to whom
	answered  map[string]bool
	touched   map[string]bool // steps of which something is recorded

	stops         map[stopped]bool // that stand
	freezes       map[string]bool  // that stand, by rule
	frozenAt      int              // when one began last
	barred        bool             // a rule keeps it from changes
	brokenAt      int              // when its locks were taken away last
	haltAt, yesAt int
	undoWordAt    int
	cancelAt      int // of the last one without undo
	pinsAt        int
	undoFailedAt  int
	wanted        []string // identities that it asked for last
	handlers      bool     // its main part is over
	ended         bool
	paged         bool // in this transaction
	last          engine.Input

	committed map[string]bool // top-level paths
	verified  map[string]bool // those that ever were, also if all is to be undone
	samples   map[string][]Taken
	accepted  map[string]bool
	forced    map[string]string // by path: the fingerprint that people were shown
	kept      map[string]bool
	left      map[string]bool            // fingerprints that calls of this run left
	outputs   map[string]json.RawMessage // of reads and of people, by path
	open      map[string]bool            // steps that have begun and not ended
	status    map[string]engine.Status   // of those that have ended
	calling   map[string]bool            // calls whose inputs are known
	failed    map[string]int             // items that were forgiven, by path of the foreach
	downs     []down
	backs     map[string]*putBack // by path and attempt
	doubts    int                 // answers that nobody can tell
}

// among reports whether there is a record of a kind.
func among(recs []engine.Record, kind string) bool {
	return slices.ContainsFunc(recs, func(r engine.Record) bool { return r.Event.Kind() == kind })
}

func newGhost(j *judge, id string, book *runbook.Runbook) *ghost {
	return &ghost{
		j: j, id: id, book: book, touched: map[string]bool{}, calls: map[string]*ghostCall{}, approvals: map[string]*approval{}, questions: map[string]*asked{}, stops: map[stopped]bool{}, freezes: map[string]bool{}, handed: map[string]map[string]string{},
		answered: map[string]bool{}, committed: map[string]bool{}, verified: map[string]bool{}, samples: map[string][]Taken{},
		accepted: map[string]bool{}, forced: map[string]string{}, kept: map[string]bool{}, left: map[string]bool{},
		outputs: map[string]json.RawMessage{}, open: map[string]bool{}, status: map[string]engine.Status{}, calling: map[string]bool{}, failed: map[string]int{}, backs: map[string]*putBack{},
		haltAt: -1, yesAt: -1, undoWordAt: -1, cancelAt: -1, pinsAt: -1, undoFailedAt: -1, brokenAt: -1, frozenAt: -1,
	}
}

func (g *ghost) failf(format string, args ...any) { g.j.failf(g.id, format, args...) }

// longer moves a time by how long no owner was there since the nth input.
func (g *ghost) longer(t time.Time, n int) time.Time {
	for _, d := range g.downs {
		if d.n > n {
			t = t.Add(d.d)
		}
	}
	return t
}

// gave notes an input and what was recorded for it.
func (g *ghost) gave(in engine.Input, recs []engine.Record, err error) {
	g.n++
	g.last, g.paged = in, false
	var refusal *engine.Refusal
	switch {
	case errors.As(err, &refusal):
		if len(recs) != 1 || recs[0].Event.Kind() != "refused" {
			g.failf("a refusal is recorded as %s", kinds(recs))
		}
		return
	case errors.Is(err, engine.ErrStale):
		if len(recs) > 0 {
			g.failf("a stale input is recorded as %s", kinds(recs))
		}
		return
	case err != nil:
		g.failf("%T: %v", in, err)
		return
	}
	if p, ok := in.(engine.Person); ok {
		g.person(p, recs)
	} else {
		g.machine(in, recs)
	}
	g.records(recs)
}

func (g *ghost) machine(in engine.Input, recs []engine.Record) {
	switch in := in.(type) {
	case engine.LocksGranted:
		g.granted(recs)
	case engine.LocksBusy:
		g.busy(in, recs)
	case engine.Freeze:
		g.freezes[in.Stop.By], g.frozenAt = true, g.n
	case engine.Barred:
		g.barred = true
	case engine.ChangeMade:
		g.haltAt = g.n // what was said before counts no more than after a stop
	case engine.Start:
		g.facts = in.Facts
		for _, s := range in.Facts.Stops {
			g.stop(s.Kind, s.Service)
		}
		for _, known := range in.Facts.Items {
			g.book = g.book.Unroll(known.Path, known.Items)
		}
		for path, c := range in.Facts.Carried {
			g.outputs[path], g.status[path] = c.Outputs, c.Status
		}
		g.inherits()
	case engine.Recovered:
		g.recovered(in)
	case engine.Planned:
		if path, attempt, phase := split(in.ID); strings.HasPrefix(phase, "undo.guard.") && !g.answered[in.ID] {
			g.again(path, attempt, in.Failure)
		}
	case engine.Returned:
		if g.answered[in.ID] && len(recs) > 0 && !slices.Contains([]string{"late_result", "doubt_resolved"}, recs[0].Event.Kind()) {
			g.failf("the second answer to %s is recorded as %s", in.ID, kinds(recs))
		}
		g.returned(in)
	case engine.Probed:
		for _, c := range g.calls {
			if c.unknown && c.known == "" && strings.Contains(in.ID, "/probe.") != c.undo && g.probes(in.ID, c) && in.Outcome.Effect != engine.EffectUnknown {
				g.know(c, string(in.Outcome.Effect), in.Outcome)
			}
		}
	case engine.TimerFired:
		if c := g.calls[strings.TrimSuffix(in.ID, ".lost")]; c != nil && c.known == "" {
			c.unknown = true
		}
	}
	if id := answers(in); id != "" {
		g.answered[id] = true
	}
}

// recovered: what was in flight is unknown, and samples are taken anew.
func (g *ghost) recovered(in engine.Recovered) {
	g.downs = append(g.downs, down{g.n, in.Down})
	clear(g.samples) // the count begins again
	for _, b := range g.backs {
		b.samples = nil
	}
	if in.Pins != nil {
		g.pinsAt = g.n
		if in.Roles != nil {
			g.facts.Roles = in.Roles
		}
	}
	for _, c := range g.calls {
		if c.known == "" {
			c.unknown = true
		}
	}
}

// inherits: what another run has changed is there to be undone, and stays
// where it is until somebody has said yes to that.
func (g *ghost) inherits() {
	of := g.j.ghosts[g.facts.UndoOf]
	if of == nil {
		return
	}
	maps.Copy(g.left, of.left)
	for id, c := range of.calls {
		if c.undo && c.known != "applied" {
			g.doubts++ // what the record says of it may not be so
		}
		if c.undo {
			continue
		}
		mine, undone := *c, of.reallyUndone(c)
		if !slices.ContainsFunc(g.facts.Undo, func(row engine.Row) bool { return row.Path == c.path && row.Attempt == c.attempt }) {
			if c.took() && !undone && c.known != "left unknown" {
				g.failf("it undoes %s, and is not told of %s", g.facts.UndoOf, id)
			}
			continue
		}
		if undone { // and nobody knows: by the record it stays
			mine.happened, mine.lied = false, true
		}
		g.calls[fmt.Sprintf("%s/%s#%d/act", g.id, c.path, c.attempt)] = &mine
		g.committed[first(c.path)] = true
	}
}

// stepped looks at how a step begins and ends; recs is what was written down
// with it.
func (g *ghost) stepped(rec engine.Record, recs []engine.Record) {
	switch e := rec.Event.(type) {
	case engine.StepStarted:
		if _, done := g.facts.Carried[e.Path]; done {
			g.failf("%s is done again", e.Path)
		}
		g.open[e.Path] = true
		g.condition(e.Path, true, among(recs, "step_failed"))
		g.turn(e.Path, rec.At)
	case engine.StepSucceeded:
		delete(g.open, e.Path)
		g.status[e.Path] = engine.StatusSucceeded
	case engine.StepSkipped:
		delete(g.open, e.Path)
		if e.Why == engine.SkippedByCondition {
			g.condition(e.Path, false, false)
		}
		g.status[e.Path] = engine.StatusSkipped
	case engine.StepStopped:
		delete(g.open, e.Path)
	case engine.StepFailed:
		delete(g.open, e.Path)
		g.status[e.Path] = engine.StatusFailed
		g.forgiven(e.Path)
	}
}

// records looks at what was written down.
func (g *ghost) records(recs []engine.Record) {
	for _, rec := range recs {
		kind := rec.Event.Kind()
		if path := touches(rec.Event); path != "" {
			g.touched[path] = true
		}
		if g.ended && !slices.Contains([]string{"late_result", "refused", "notice_queued", "notice_sent"}, kind) {
			g.failf("%s follows the end", kind)
		}
		g.stepped(rec, recs)
		switch e := rec.Event.(type) {
		case engine.GateVoided:
			if strings.HasSuffix(e.Why, "was not known when people were asked") {
				g.failf("%s could be foreseen: %s", e.Path, e.Why)
			}
		case engine.ItemsKnown:
			g.items(e)
		case engine.Called:
			g.called(e)
		case engine.Acted:
			g.acted(e)
		case engine.NoticeQueued:
			g.paged = g.paged || e.Page
		case engine.PhaseEntered:
			g.handlers = g.handlers || e.Phase == engine.PhaseOnFailure || e.Phase == engine.PhaseFinally
		case engine.LocksWanted:
			g.wanted = e.Identities
		case engine.Troubled:
			g.troubled(e.Cause)
		case engine.Committed:
			g.commits(e.Path)
		case engine.RunEnded:
			g.ends(e)
		case engine.QuestionOpened:
			g.questions[e.Question.ID] = &asked{Question: e.Question, n: g.n, yes: map[string]bool{}}
		case engine.Intended:
			gate := g.book.Step(e.Path).Gate()
			g.unfrozen(e.Path, gate)
			if g.barred {
				g.failf("%s is begun although a rule bars the run from changes", e.Path)
			}
			g.intends(fmt.Sprintf("%s/%s#%d/act", g.id, e.Path, e.Attempt), false)
			if a := g.approvals[gate.Path]; a != nil && !g.j.now.After(g.holds(a, gate)) {
				a.consumed = true // also if a crash comes before it is begun
			}
		case engine.UndoIntended:
			id := fmt.Sprintf("%s/%s#%d/undo", g.id, e.Path, e.Attempt)
			if g.calls[id] != nil {
				n := 2
				for ; g.calls[fmt.Sprint(id, ".", n)] != nil; n++ {
				}
				id = fmt.Sprint(id, ".", n)
			}
			g.intends(id, true)
		case engine.UndoSamplingBegan:
			b := g.back(e.Path, e.Attempt)
			b.looking, b.samples = true, nil
		case engine.UndoVerdict:
			g.verdict(e)
		case engine.StepUndone:
			g.putsBack(e)
		case engine.UndoFailed:
			g.failsBack(e)
		case engine.EffectKept:
			g.kept[fmt.Sprint(e.Path, "#", e.Attempt)] = true
		}
	}
}

// troubled: a verify fails by itself only when it has seen enough.
func (g *ghost) troubled(c engine.Cause) {
	if c.Class != "verify" || c.By != "" {
		return
	}
	bad := false
	for _, s := range g.samples[c.Path] {
		bad = bad || !s.ok
	}
	if len(g.samples[c.Path]) < 3 || !bad {
		g.failf("the verify of %s is failed by itself after %v", c.Path, g.samples[c.Path])
	}
}

// commits: what a verify watches over is committed only when it held for as
// long as the runbook says, or when a person accepted it.
func (g *ghost) commits(path string) {
	g.committed[path], g.verified[path] = true, true
	step := g.book.Step(path)
	if step.Verify == nil || step.Verify.None != "" || g.accepted[path] {
		return
	}
	since := heldSince(g.samples[path])
	last := 0
	for _, c := range g.calls {
		if first(c.path) == path && !c.undo {
			last = max(last, c.order)
		}
	}
	if last > 0 && g.brokenAt >= last {
		g.failf("%s is committed, and its locks were broken since it was changed", path)
	}
	if since.IsZero() || g.j.now.Sub(since) < step.Verify.For {
		g.failf("%s is committed, and its verify never held: %v", path, g.samples[path])
	}
}

// pending looks at what should be open.
func (g *ghost) pending(want []engine.Command) {
	ids := map[string]bool{}
	for _, c := range want {
		if ids[c.CommandID()] {
			g.failf("two commands have the id %s", c.CommandID())
		}
		ids[c.CommandID()] = true
		switch c := c.(type) {
		case engine.Notify:
			continue
		case engine.Lock:
			if !c.Try && g.j.has(g) {
				g.failf("it waits for locks while it holds some")
			}
		}
		if g.ended {
			g.failf("%s is open after the end", c.CommandID())
		}
	}
	if !g.ended && len(want) == 0 && !g.halted() {
		g.failf("nothing is open, and nothing is waited for")
	}
}
