package enginetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

type asked struct {
	engine.Question

	n        int // when
	extended time.Duration
	yes      map[string]bool // who has said so
}

type approval struct {
	n        int
	at       time.Time
	by       []string
	question *asked
	consumed bool
	glass    bool // it was broken
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
		if in.Kind == engine.StopFreeze {
			delete(g.freezes, in.By)
			return
		}
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
	g.approvals[q.Path] = &approval{n: g.n, at: g.j.now, by: slices.Collect(maps.Keys(q.yes)), question: q, glass: g.glass(v)}
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
	if g.facts.Requester.Answers() && g.facts.Requester.Name == by && !self {
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
	if !q.Early && q.Frozen == "" && g.j.now.After(until) {
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
		if q.Undo {
			g.back(q.Path, q.Attempt).accepted = true
			return
		}
		g.accepted[q.Path] = true
	case engine.ChoiceForce:
		g.forced[q.Path] = q.Found
	case engine.ChoiceResume:
		g.yesAt = g.n
	case engine.ChoiceEnd:
		g.cancelAt = g.n
		delete(g.stops, stopped{Kind: engine.StopLock})
	case engine.ChoiceKeep:
		for _, c := range g.calls {
			if !c.undo && (c.path == q.Path || q.Kind == engine.AskVerdict && !q.Undo) {
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
