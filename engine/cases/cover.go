package cases

import (
	"cmp"
	"slices"
	"sync"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Coverage is what the cases of a runbook have reached of it.
type Coverage struct {
	Book *runbook.Runbook

	index index

	mu    sync.Mutex // guards the hits of points
	all   []*Point
	known map[point]*Point
}

// Point is one thing that can happen in a runbook.
type Point struct {
	Step string // id or path
	What string // such as: began, if: false, gate: expired
	Pos  runbook.Pos
	Hits int
}

type point struct{ path, what string }

// What may happen to a step.
const (
	atBegan    = "began"
	atTrue     = "if: true"
	atFalse    = "if: false"
	atApproved = "gate: approved"
	atDenied   = "gate: denied"
	atExpired  = "gate: expired"
	atValue    = "ask: answered"
	atNoValue  = "ask: expired"
	atHolds    = "guard: holds"
	atRefuses  = "guard: does not hold"
	atPassed   = "verify: passed"
	atFailed   = "verify: failed"
	atUndone   = "undo: done"
)

// NewCoverage returns the coverage of a runbook that nothing has reached yet.
func NewCoverage(book *runbook.Runbook) *Coverage {
	c := &Coverage{Book: book, index: newIndex(book), known: map[point]*Point{}}
	for _, s := range book.All() {
		if s.Frame.File != book.Frame.File {
			continue // of a runbook that is called: its own cases cover it
		}
		if s.If != nil {
			c.add(s, s.Pos, atTrue, atFalse) // true: it began
		} else {
			c.add(s, s.Pos, atBegan)
		}
		if s.Approve != nil {
			c.add(s, s.Approve.Pos, atApproved, atDenied, atExpired)
		}
		if s.Ask != nil {
			c.add(s, s.Ask.Pos, atValue, atNoValue)
		}
		if s.Guard != nil {
			c.add(s, s.Guard.Pos, atHolds, atRefuses)
		}
		if s.Verify != nil && s.Verify.Uses != "" {
			c.add(s, s.Verify.Pos, atPassed, atFailed)
		}
		if s.Undo != nil && s.Undo.Uses != "" {
			c.add(s, s.Undo.Pos, atUndone)
		}
	}
	return c
}

func (c *Coverage) add(s *runbook.Step, at runbook.Pos, whats ...string) {
	for _, what := range whats {
		p := &Point{Step: label(c.Book, s.Path), What: what, Pos: at}
		c.all = append(c.all, p)
		c.known[point{s.Path, what}] = p
	}
}

// Add counts what a case has reached. It may be called side by side.
func (c *Coverage) Add(r Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, rec := range r.Records {
		path, what := reached(rec.Event)
		if path == "" {
			continue
		}
		path = c.index.template(path)
		if what == atBegan && c.known[point{path, atTrue}] != nil && !errs(path, r.Records[i+1:]) {
			what = atTrue
		}
		if p := c.known[point{path, what}]; p != nil {
			p.Hits++
		}
	}
}

// errs reports whether the condition of a step that has just begun could not
// be told.
func errs(path string, next []engine.Record) bool {
	if len(next) == 0 {
		return false
	}
	e, ok := next[0].Event.(engine.StepFailed)
	return ok && e.Path == path && e.Class == "expression"
}

// reached is which point an event reaches.
func reached(e engine.Event) (path, what string) {
	switch e := e.(type) {
	case engine.StepStarted:
		return e.Path, atBegan
	case engine.StepSkipped:
		if e.Why == engine.SkippedByCondition {
			return e.Path, atFalse
		}
	case engine.QuestionDecided:
		switch {
		case e.Question == engine.AskValue && e.Choice == engine.ChoiceExpired:
			return e.Path, atNoValue
		case e.Question != engine.AskGate:
		case e.Choice == engine.ChoiceApprove:
			return e.Path, atApproved
		case e.Choice == engine.ChoiceDeny:
			return e.Path, atDenied
		case e.Choice == engine.ChoiceExpired:
			return e.Path, atExpired
		}
	case engine.ValueProvided:
		return e.Path, atValue
	case engine.GuardPassed:
		return e.Path, atHolds
	case engine.StepFailed:
		if e.Class == "guard" {
			return e.Path, atRefuses
		}
	case engine.VerifyVerdict:
		switch e.Verdict {
		case "passed":
			return e.Path, atPassed
		case "failed":
			return e.Path, atFailed
		}
	case engine.StepUndone:
		return e.Path, atUndone
	}
	return "", ""
}

// Count returns how many points were reached, of how many.
func (c *Coverage) Count() (reached, all int) {
	for _, p := range c.all {
		if p.Hits > 0 {
			reached++
		}
	}
	return reached, len(c.all)
}

// Missed returns the points that no case has reached, in the order of the
// runbook.
func (c *Coverage) Missed() []Point {
	var out []Point
	for _, p := range c.all {
		if p.Hits == 0 {
			out = append(out, *p)
		}
	}
	slices.SortStableFunc(out, func(a, b Point) int { return cmp.Compare(a.Pos.Line, b.Pos.Line) })
	return out
}
