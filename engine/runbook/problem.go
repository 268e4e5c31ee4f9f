package runbook

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Pos is a position in a runbook, from 1.
type Pos struct{ Line, Col int }

// Problem is why a runbook is refused.
type Problem struct {
	ID   string // stable, such as unknown-key
	File string
	Pos  Pos
	What string // what is wrong
	Why  string // why it matters: that of its kind
	Hint string // what to write instead; never empty
}

func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Pos.Line, p.Pos.Col, p.What)
	if p.Hint != "" {
		s += "\n    " + p.Hint
	}
	return s
}

// maxProblems bounds what one file can report.
const maxProblems = 100

// problems collects what is wrong with one file.
type problems struct {
	file  string
	found []Problem
	full  bool
}

func (p *problems) add(at Pos, id, what, hint string) {
	if len(p.found) == maxProblems {
		p.full = true
		return
	}
	p.found = append(p.found, p.problem(at, id, what, hint))
}

func (p *problems) problem(at Pos, id, what, hint string) Problem {
	kind, _ := KindOfProblem(id)
	return Problem{ID: id, File: p.file, Pos: at, What: what, Why: kind.Why, Hint: cmp.Or(hint, strings.ReplaceAll(kind.Mend, "`", ""))}
}

func (p *problems) addf(at Pos, id, hint, format string, args ...any) {
	p.add(at, id, fmt.Sprintf(format, args...), hint)
}

// sorted returns the problems in the order in which a reader meets them.
func (p *problems) sorted() []Problem {
	slices.SortStableFunc(p.found, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	if p.full {
		last := p.found[len(p.found)-1]
		p.found = append(p.found, p.problem(last.Pos, "too-many", "there are more problems than these", "mend them and check again"))
	}
	return p.found
}
