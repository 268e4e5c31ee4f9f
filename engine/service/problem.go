package service

import (
	"cmp"
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"
)

// Pos is a position in firebreak.yaml, from 1.
type Pos struct{ Line, Col int }

func posOf(n *yaml.Node) Pos { return Pos{n.Line, n.Column} }

// Problem is why a configuration is refused.
type Problem struct {
	ID   string // stable, such as unknown-key
	File string
	Pos  Pos
	What string // what is wrong; never the value of a secret
	Hint string // what to write instead
}

func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Pos.Line, p.Pos.Col, p.What)
	if p.Hint != "" {
		s += "\n    " + p.Hint
	}
	return s
}

// maxProblems bounds what one broken file can report.
const maxProblems = 100

// problems collects what is wrong with one file.
type problems struct {
	file  string
	found []Problem
}

func (p *problems) addf(at Pos, id, hint, format string, args ...any) {
	if len(p.found) < maxProblems {
		p.found = append(p.found, Problem{ID: id, File: p.file, Pos: at, What: fmt.Sprintf(format, args...), Hint: hint})
	}
}

// sorted returns the problems in the order in which a reader meets them.
func (p *problems) sorted() []Problem {
	slices.SortStableFunc(p.found, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	return p.found
}
