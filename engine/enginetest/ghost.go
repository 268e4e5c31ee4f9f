package enginetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// ghost watches a life and holds it to the invariants of semantics.md. It
// knows only what was given to the run, what the run started, what it wrote
// down for ever, and what the world has seen.
type ghost struct {
	l     *life
	n     int // of the inputs
	calls map[string]*ghostCall

	approvals map[string]*approval // by path of the gate
	questions map[string]engine.Question
	watches   map[string]string // id of a lost timer to its call
	answered  map[string]bool

	halted              bool
	haltAt, yesAt       int
	undoWordAt          int
	cancelAt            int // of the last one without undo
	pinsAt              int
	undoFailedAt        int
	locked, ended, lied bool
	last                engine.Input

	committed map[string]bool // top-level paths
	samples   map[string][]Taken
	accepted  map[string]bool
	forced    map[string]int
	kept      map[string]bool
	left      map[string]bool // fingerprints that calls of this run left
	downs     []down
	doubts    int // answers that nobody can tell
}

// Taken is a sample that was given.
type Taken struct {
	at time.Time
	ok bool
}

type down struct {
	at time.Time
	d  time.Duration
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
}

type approval struct {
	n        int
	at       time.Time
	by       string
	glass    bool
	question engine.Question
	consumed bool
}

func newGhost(l *life) *ghost {
	return &ghost{
		l: l, calls: map[string]*ghostCall{}, approvals: map[string]*approval{}, questions: map[string]engine.Question{},
		watches: map[string]string{}, answered: map[string]bool{}, committed: map[string]bool{}, samples: map[string][]Taken{},
		accepted: map[string]bool{}, forced: map[string]int{}, kept: map[string]bool{}, left: map[string]bool{},
		haltAt: -1, yesAt: -1, undoWordAt: -1, cancelAt: -1, pinsAt: -1, undoFailedAt: -1,
	}
}

func (g *ghost) failf(format string, args ...any) { g.l.failf(format, args...) }

// gave notes an input and what was recorded for it.
func (g *ghost) gave(in engine.Input, recs []engine.Record, err error) {
	g.n++
	g.last = in
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
		g.locked = true
	case engine.Recovered:
		g.downs = append(g.downs, down{g.l.now, in.Down})
		if in.Pins != nil {
			g.pinsAt = g.n
		}
		for _, c := range g.calls {
			if c.known == "" {
				c.unknown = true
			}
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
		if c := g.calls[g.watches[in.ID]]; c != nil && c.known == "" {
			c.unknown = true
		}
	}
	if id := answers(in); id != "" {
		g.answered[id] = true
	}
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
	if strings.HasPrefix(phase, "verify.") {
		ok := in.Outcome.Failure == nil && strings.Contains(string(in.Outcome.Outputs), "true")
		if in.Outcome.Failure == nil {
			g.samples[path] = append(g.samples[path], Taken{g.l.now, ok})
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
	if o.Left != "" {
		g.left[o.Left] = true
	}
	again := effect == string(engine.EffectNone) && (o.Failure == nil && g.undos(c) < 3 || o.Failure != nil && o.Failure.Class == "drift")
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

func (g *ghost) person(in engine.Person, recs []engine.Record) {
	switch in := in.(type) {
	case engine.Vote:
		q := g.questions[in.Question]
		if in.Approve {
			g.approvals[q.Path] = &approval{n: g.n, at: g.l.now, by: in.By, glass: in.BreakGlass != "", question: q}
			g.yesAt = g.n
			g.mayApprove(in, q)
		}
	case engine.Answer:
		g.answer(in, g.questions[in.Question])
	case engine.Cancel:
		g.cancelAt = -1
		if !in.Undo {
			g.cancelAt = g.n
		}
	case engine.UndoRun:
		g.undoWordAt, g.yesAt, g.cancelAt, g.undoFailedAt = g.n, g.n, -1, -1
		g.kept, g.committed = map[string]bool{}, map[string]bool{}
		for _, c := range g.calls {
			if c.undo && c.known == "failed" {
				c.known = "none" // it may be tried again
			}
		}
	case engine.Halt:
		if len(recs) > 0 {
			g.halted, g.haltAt = true, g.n
		}
	case engine.Lift:
		g.halted = false
	case engine.Skip:
		g.accepted[in.Path] = true
		for _, c := range g.calls {
			if !c.undo && c.path == in.Path {
				g.kept[fmt.Sprint(c.path, "#", c.attempt)] = true
			}
		}
	}
}

// mayApprove holds the engine to who may say yes.
func (g *ghost) mayApprove(v engine.Vote, q engine.Question) {
	approve := g.l.book.Step(q.Path).Approve
	facts := g.l.run.Facts
	member := false
	for _, of := range approve.Of {
		member = member || slices.Contains(facts.Roles[of.Role].People, v.By)
	}
	requester := facts.Requester.Kind == "person" && facts.Requester.Name == v.By && !approve.Self
	if (!member || requester) && (v.By != "carol" || v.BreakGlass == "") {
		g.failf("%s approved %s, and may not", v.By, q.Path)
	}
	if v.Digest != q.Digest {
		g.failf("a yes for another digest counts at %s", q.Path)
	}
	until := q.OpenedAt.Add(approve.Expires())
	for _, d := range g.downs {
		if d.at.After(q.OpenedAt) {
			until = until.Add(d.d)
		}
	}
	if g.l.now.After(until) {
		g.failf("a yes after %s counts at %s", until, q.Path)
	}
}

func (g *ghost) answer(a engine.Answer, q engine.Question) {
	switch a.Choice {
	case engine.ChoiceAccept:
		g.accepted[q.Path] = true
	case engine.ChoiceForce:
		g.forced[q.Path] = g.n
	case engine.ChoiceResume:
		g.yesAt = g.n
	case engine.ChoiceKeep:
		for _, c := range g.calls {
			if !c.undo && (c.path == q.Path || q.Kind == engine.AskVerdict) {
				g.kept[fmt.Sprint(c.path, "#", c.attempt)] = true
			}
		}
	}
	if q.Kind != engine.AskDoubt {
		return
	}
	c := g.doubted(q)
	if c == nil {
		g.failf("nobody knows what %s asks about", q.ID)
		return
	}
	said := map[string]string{
		engine.ChoiceHappened: "applied", engine.ChoiceNot: "none", engine.ChoicePartial: "partial", engine.ChoiceUnknown: "left unknown",
	}[a.Choice]
	if (said == "none") == c.happened && said != "left unknown" {
		g.lied = true
	}
	if said == "left unknown" {
		g.doubts++
	}
	o := engine.Outcome{}
	if c.undo && said != "applied" && said != "none" {
		o.Failure = &engine.Failure{}
	}
	g.know(c, said, o)
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

// records looks at what was written down.
func (g *ghost) records(recs []engine.Record) {
	for _, rec := range recs {
		kind := rec.Event.Kind()
		if g.ended && !slices.Contains([]string{"late_result", "refused", "notice_queued", "notice_sent"}, kind) {
			g.failf("%s follows the end", kind)
		}
		switch e := rec.Event.(type) {
		case engine.Troubled:
			g.troubled(e.Cause)
		case engine.Committed:
			g.commits(e.Path)
		case engine.RunEnded:
			g.ends(e)
		case engine.QuestionOpened:
			g.questions[e.Question.ID] = e.Question
		case engine.Intended:
			g.intends(fmt.Sprintf("r1/%s#%d/act", e.Path, e.Attempt), false)
		case engine.UndoIntended:
			id := fmt.Sprintf("r1/%s#%d/undo", e.Path, e.Attempt)
			if g.calls[id] != nil {
				n := 2
				for ; g.calls[fmt.Sprint(id, ".", n)] != nil; n++ {
				}
				id = fmt.Sprint(id, ".", n)
			}
			g.intends(id, true)
		case engine.EffectKept:
			g.kept[fmt.Sprint(e.Path, "#", e.Attempt)] = true
		}
	}
}

// intends notes a call that is about to begin, unless a crash comes first.
func (g *ghost) intends(id string, undo bool) {
	path, attempt, _ := split(id)
	g.calls[id] = &ghostCall{undo: undo, path: path, attempt: attempt}
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
	g.committed[path] = true
	step := g.l.book.Step(path)
	if step.Verify == nil || step.Verify.None != "" || g.accepted[path] {
		return
	}
	var since time.Time
	for _, s := range g.samples[path] {
		switch {
		case !s.ok:
			since = time.Time{}
		case since.IsZero():
			since = s.at
		}
	}
	if since.IsZero() || g.l.now.Sub(since) < step.Verify.For {
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
		case engine.Timer:
			if call, ok := strings.CutSuffix(c.ID, ".lost"); ok {
				g.watches[c.ID] = call
			}
		case engine.Notify:
		default:
			if g.ended {
				g.failf("%s is open after the end", c.CommandID())
			}
		}
	}
	if !g.ended && len(want) == 0 && !g.halted {
		g.failf("nothing is open, and nothing is waited for")
	}
}

func (g *ghost) watched(timer string) string { return g.watches[timer] }

// happened notes that the world was changed.
func (g *ghost) happened(cmd engine.Command, o engine.Outcome) {
	if c := g.calls[cmd.CommandID()]; c != nil && o.Failure == nil {
		c.happened = true
	}
}

func (g *ghost) action(cmd engine.Command) *runbook.Action {
	switch c := cmd.(type) {
	case engine.Act:
		return g.l.book.Step(c.Path).Action
	case engine.Undo:
		return g.l.book.Step(c.Path).Undo.Action
	default:
		return &runbook.Action{}
	}
}
