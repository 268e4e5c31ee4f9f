package enginetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
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
	forced    map[string]int
	kept      map[string]bool
	left      map[string]bool            // fingerprints that calls of this run left
	outputs   map[string]json.RawMessage // of reads and of people, by path
	open      map[string]bool            // steps that have begun and not ended
	calling   map[string]bool            // calls whose inputs are known
	failed    map[string]int             // items that were forgiven, by path of the foreach
	downs     []down
	doubts    int // answers that nobody can tell
}

type asked struct {
	engine.Question

	n        int // when
	extended time.Duration
	yes      map[string]bool // who has said so
}

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

// among reports whether there is a record of a kind.
func among(recs []engine.Record, kind string) bool {
	return slices.ContainsFunc(recs, func(r engine.Record) bool { return r.Event.Kind() == kind })
}

// Taken is a sample that was given.
type Taken struct {
	at time.Time
	ok bool
}

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

type approval struct {
	n        int
	at       time.Time
	by       []string
	question *asked
	consumed bool
}

func newGhost(j *judge, id string, book *runbook.Runbook) *ghost {
	return &ghost{
		j: j, id: id, book: book, touched: map[string]bool{}, calls: map[string]*ghostCall{}, approvals: map[string]*approval{}, questions: map[string]*asked{}, stops: map[stopped]bool{}, handed: map[string]map[string]string{},
		answered: map[string]bool{}, committed: map[string]bool{}, verified: map[string]bool{}, samples: map[string][]Taken{},
		accepted: map[string]bool{}, forced: map[string]int{}, kept: map[string]bool{}, left: map[string]bool{},
		outputs: map[string]json.RawMessage{}, open: map[string]bool{}, calling: map[string]bool{}, failed: map[string]int{},
		haltAt: -1, yesAt: -1, undoWordAt: -1, cancelAt: -1, pinsAt: -1, undoFailedAt: -1, brokenAt: -1,
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
	case engine.Start:
		g.facts = in.Facts
		for _, s := range in.Facts.Stops {
			g.stop(s.Kind, s.Service)
		}
		for _, known := range in.Facts.Items {
			g.book = g.book.Unroll(known.Path, known.Items)
		}
		for path, c := range in.Facts.Carried {
			g.outputs[path] = c.Outputs
		}
		g.inherits()
	case engine.Recovered:
		g.downs = append(g.downs, down{g.n, in.Down})
		clear(g.samples) // the count begins again
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

// gate is who is asked at a gate, by how many it is passed, and whether who
// started the run may be among them. The gate of a run that undoes another
// asks everybody whom the runbook asks.
func (g *ghost) gate(path string) (of []runbook.Asked, quorum int, self bool) {
	if step := g.book.Step(path); step != nil {
		return step.Approve.Of, step.Approve.Quorum, step.Approve.Self
	}
	for _, step := range g.book.All() {
		if step.Approve != nil {
			of = append(of, step.Approve.Of...)
		}
	}
	return of, 1, false
}

// undoWord: a person has said that all that the run changed is to be undone.
func (g *ghost) undoWord() {
	g.undoWordAt, g.yesAt, g.cancelAt, g.undoFailedAt = g.n, g.n, -1, -1
	g.kept, g.committed = map[string]bool{}, map[string]bool{}
	for _, c := range g.calls {
		if c.undo && c.known == "failed" {
			c.known = "none" // it may be tried again
		}
	}
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
		g.vote(in, g.questions[in.Question], recs)
	case engine.Withdraw:
		g.withdraw(in)
	case engine.Hand:
		path := g.questions[in.Question].Path
		if g.handed[path] == nil {
			g.handed[path] = map[string]string{}
		}
		g.handed[path][in.By] = in.To
	case engine.Extend:
		g.questions[in.Question].extended += in.For
	case engine.Answer:
		g.answer(in, g.questions[in.Question])
	case engine.Provide:
		g.provided(in, g.questions[in.Question])
	case engine.Cancel:
		g.cancelAt = -1
		if !in.Undo {
			g.cancelAt = g.n
		}
	case engine.HandBack:
		delete(g.stops, stopped{Kind: engine.StopTakeOver})
		if in.To == engine.HandEnd {
			g.cancelAt = g.n
		}
	case engine.UndoRun:
		g.undoWord()
	case engine.Halt:
		g.stands(engine.StopHalt, in.Service, recs)
	case engine.Hold:
		g.stands(engine.StopHold, in.Service, recs)
	case engine.TakeOver:
		g.stop(engine.StopTakeOver, "")
	case engine.BreakLock:
		g.stop(engine.StopLock, "")
		g.brokenAt = g.n
		g.j.free(g)
	case engine.Lift:
		kind := in.Kind
		if kind == "" {
			kind = engine.StopHalt
		}
		s := stopped{kind, in.Service}
		if g.stops[s] && !among(recs, "stop_lifted") {
			g.failf("a %s is lifted that stands, and that is recorded as%s", kind, kinds(recs))
		}
		delete(g.stops, s)
	case engine.Skip:
		g.accepted[in.Path] = true
		for _, c := range g.calls {
			if !c.undo && c.path == in.Path {
				g.kept[fmt.Sprint(c.path, "#", c.attempt)] = true
			}
		}
	}
}

// vote takes a yes or a no. A gate is approved by as many people as it needs,
// or by one who breaks the glass.
func (g *ghost) vote(v engine.Vote, q *asked, recs []engine.Record) {
	if !v.Approve {
		delete(g.approvals, q.Path)
		return
	}
	g.mayApprove(v, q)
	q.yes[v.By] = true
	decided := slices.ContainsFunc(recs, func(r engine.Record) bool {
		e, ok := r.Event.(engine.QuestionDecided)
		return ok && e.ID == q.ID
	})
	if !decided {
		return
	}
	if _, quorum, _ := g.gate(q.Path); len(q.yes) < quorum && !g.glass(v) {
		g.failf("%s is approved by %d, and needs %d", q.Path, len(q.yes), quorum)
	}
	g.approvals[q.Path] = &approval{n: g.n, at: g.j.now, by: slices.Collect(maps.Keys(q.yes)), question: q}
	g.yesAt = g.n
	if q.Undo {
		g.undoWord()
	}
}

func (g *ghost) glass(v engine.Vote) bool {
	return v.BreakGlass != "" && slices.Contains(g.facts.Roles["lead"].People, v.By)
}

// withdraw takes back a yes, and with it what it decided.
func (g *ghost) withdraw(in engine.Withdraw) {
	path := in.Path
	if s := g.book.ByID(path); s != nil {
		path = s.Path
	}
	for _, q := range g.questions {
		if q.Path == path {
			delete(q.yes, in.By)
		}
	}
	if a := g.approvals[path]; a != nil && slices.Contains(a.by, in.By) {
		delete(g.approvals, path)
	}
}

// may reports whether somebody may say yes to a gate.
func (g *ghost) may(by string, q *asked) bool {
	of, _, self := g.gate(q.Path)
	if g.facts.Requester.Kind == "person" && g.facts.Requester.Name == by && !self {
		return false
	}
	if g.handed[q.Path][by] != "" {
		return false
	}
	for _, to := range g.handed[q.Path] {
		if to == by {
			return true
		}
	}
	return g.inOne(by, of)
}

// inOne reports whether somebody is in one of the roles that are asked.
func (g *ghost) inOne(by string, asked []runbook.Asked) bool {
	return slices.ContainsFunc(asked, func(of runbook.Asked) bool { return slices.Contains(g.facts.Roles[of.Role].People, by) })
}

// voter is somebody who may still say yes; empty: nobody.
func (g *ghost) voter(question engine.Question) string {
	q := g.questions[question.ID]
	for _, by := range who {
		if g.may(by, q) && !q.yes[by] {
			return by
		}
	}
	return ""
}

// mayApprove holds the engine to who may say yes.
func (g *ghost) mayApprove(v engine.Vote, q *asked) {
	if !g.may(v.By, q) && !g.glass(v) {
		g.failf("%s approved %s, and may not", v.By, q.Path)
	}
	if v.Digest != q.Digest {
		g.failf("a yes for another digest counts at %s", q.Path)
	}
	limit := 10 * time.Minute // of a run that undoes another
	if step := g.book.Step(q.Path); step != nil {
		limit = step.Approve.Expires()
	}
	until := g.longer(q.OpenedAt.Add(limit+q.extended), q.n)
	if !q.Early && g.j.now.After(until) {
		g.failf("a yes after %s counts at %s", until, q.Path)
	}
}

// provided holds the engine to what an ask step takes, and from whom.
func (g *ghost) provided(in engine.Provide, q *asked) {
	ask := g.book.Step(q.Path).Ask
	if !g.inOne(in.By, ask.Of) {
		g.failf("%s gave %s its value, and may not", in.By, q.Path)
	}
	if n, err := strconv.Atoi(string(in.Value)); err != nil || n == 0 {
		g.failf("%s was given %s, which is no integer", q.Path, in.Value)
	}
	g.outputs[q.Path] = object(map[string]json.RawMessage{"value": in.Value})
	if until := g.longer(q.OpenedAt.Add(ask.Expires()), q.n); g.j.now.After(until) {
		g.failf("%s was given its value after %s", q.Path, until)
	}
}

func (g *ghost) answer(a engine.Answer, q *asked) {
	switch a.Choice {
	case engine.ChoiceAccept:
		g.accepted[q.Path] = true
	case engine.ChoiceForce:
		g.forced[q.Path] = g.n
	case engine.ChoiceResume:
		g.yesAt = g.n
	case engine.ChoiceEnd:
		g.cancelAt = g.n
		delete(g.stops, stopped{Kind: engine.StopLock})
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
	c := g.doubted(q.Question)
	if c == nil {
		g.failf("nobody knows what %s asks about", q.ID)
		return
	}
	said := map[string]string{
		engine.ChoiceHappened: "applied", engine.ChoiceNot: "none", engine.ChoicePartial: "partial", engine.ChoiceUnknown: "left unknown",
	}[a.Choice]
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
		if path := touches(rec.Event); path != "" {
			g.touched[path] = true
		}
		if g.ended && !slices.Contains([]string{"late_result", "refused", "notice_queued", "notice_sent"}, kind) {
			g.failf("%s follows the end", kind)
		}
		switch e := rec.Event.(type) {
		case engine.StepStarted:
			if _, done := g.facts.Carried[e.Path]; done {
				g.failf("%s is done again", e.Path)
			}
			g.open[e.Path] = true
			g.turn(e.Path, rec.At)
		case engine.StepSucceeded:
			delete(g.open, e.Path)
		case engine.StepSkipped:
			delete(g.open, e.Path)
		case engine.StepStopped:
			delete(g.open, e.Path)
		case engine.StepFailed:
			delete(g.open, e.Path)
			g.forgiven(e.Path)
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
			g.intends(fmt.Sprintf("%s/%s#%d/act", g.id, e.Path, e.Attempt), false)
			gate := g.book.Step(e.Path).Gate()
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
	g.committed[path], g.verified[path] = true, true
	step := g.book.Step(path)
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

// happened notes that the world was changed.
func (g *ghost) happened(cmd engine.Command, o engine.Outcome) {
	if c := g.calls[cmd.CommandID()]; c != nil && o.Failure == nil {
		c.happened = true
	}
}
