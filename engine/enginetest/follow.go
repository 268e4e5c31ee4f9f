package enginetest

import (
	"slices"

	"github.com/firebreak-ops/firebreak/engine"
)

// undo are the facts of a run that undoes this one. It reports whether there is
// anything to undo.
func (l *life) undo() (engine.Facts, bool) {
	f := engine.UndoOf(&l.run, nil)
	f.Requester, f.Roles = engine.Requester{Kind: "person", Name: pick(l.choices, "dora", "alice")}, Facts(l.book).Roles
	return f, l.facts.UndoOf == "" && slices.ContainsFunc(f.Undo, func(row engine.Row) bool { return l.ghost().book.Step(row.Path).Undo.Uses != "" })
}

// again are the facts of a run that tries this one again.
func (l *life) again() (engine.Facts, bool) {
	from := ""
	if l.once(2) {
		from = pick(l.choices, l.book.Steps...).Path
	}
	f := Facts(l.book)
	f.Requester = engine.Requester{Kind: "person", Name: pick(l.choices, "dora", "alice")}
	f, err := engine.Retry(&l.run, from, f)
	return f, err == nil
}

// hear gives the run news of another one, if there is any.
func (l *life) hear() bool {
	if len(l.news) == 0 {
		return false
	}
	in := l.news[0]
	l.news = l.news[1:]
	l.give(in, true)
	return true
}
