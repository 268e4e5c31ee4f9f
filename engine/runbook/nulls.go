package runbook

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// nulls refuses to need what may be null though the step that makes it went
// well: what a variable or a call passes on, and the alert of a run that none
// begins. A text that cannot be made says so, and nothing else comes of it. A
// field that its contract leaves open may be needed: where it is not there, the
// step that reads it fails.
func (f *flow) nulls(s *Step, r reading) {
	if r.when == during && (s.Kind == KindNotify || s.Kind == KindFail) {
		return
	}
	open := map[string]bool{}
	for _, ref := range r.program.Refs() {
		if f.mayBeNull(ref.Path, r.when) {
			open[strings.Join(ref.Path, ".")] = true
		}
	}
	if len(open) == 0 {
		return
	}
	told := map[string]bool{}
	for _, use := range f.logic(r.program).Uses(func(name string) bool { return open[name] }) {
		if !told[use.Name] && f.missing(use, nil, s, r) {
			told[use.Name] = true
			f.reportNull(use, r)
		}
	}
}

// chances refuses an undo that needs what may not be there by chance, such as the
// first element of a list, where no condition looks at that.
func (f *flow) chances(s *Step, r reading) {
	if r.when != undone {
		return
	}
	if f.lookedAt(r.program, s) {
		return
	}
	for _, chance := range r.program.Chances() {
		f.p.addf(f.p.src.locate(f.p.nodes[r.program], chance.At), "undo-input", "read what is always there, or undo with the receipt: leave with out",
			"when this is undone, %s may not be there", chance.Name)
	}
}

// lookedAt reports whether a condition of a step, or one before it, looks at
// what a program of it reads.
func (f *flow) lookedAt(program *expr.Program, s *Step) bool {
	for name := range rootsOf(program) {
		if s.If != nil && reads(s.If, name) || f.minds(f.way[s], name) {
			return true
		}
	}
	return false
}

// mayBeNull reports whether what a name holds may be null, other than because
// the step that makes it did not run.
func (f *flow) mayBeNull(words []string, when moment) bool {
	switch {
	case words[0] == "alert" && len(words) == 1:
		return !f.p.startedByAlerts()
	case words[0] == "vars" && len(words) > 1:
		return slices.ContainsFunc(f.setters[words[1]], func(s *Step) bool {
			return slices.ContainsFunc(s.Set, func(a Assignment) bool {
				return a.Name == words[1] && f.givesNull(a.Value, words[2:], s, when)
			})
		})
	case words[0] == "steps" && len(words) > 3:
		if s := f.p.producer(words[1]); s != nil && s.Call != nil {
			return f.callGivesNull(s, words[3:], when)
		}
	}
	return false
}

// callGivesNull reports whether a field of what a call returns may be null.
func (f *flow) callGivesNull(s *Step, words []string, when moment) bool {
	for _, inner := range f.p.inner {
		if v := s.Call.Outputs.Field(words[0]); inner.by == s && inner.flow != nil && v != nil {
			return inner.flow.givesNull(v, words[1:], inner.flow.returning(), when)
		}
	}
	return false
}

// givesNull reports whether a value, or what some words name in it, may be null
// where a step makes it. That something was not found in a list is minded only by
// an undo: else it is as if the reader had looked for it.
func (f *flow) givesNull(v *expr.Value, words []string, by *Step, when moment) bool {
	typ := v.Type()
	for _, word := range words {
		if typ, _ = typ.Field(word); typ == nil {
			return false
		}
	}
	program := v.Whole()
	if program == nil {
		return typ.MayBeNull()
	}
	path, lenient := program.Path()
	if path == nil {
		return typ.MayBeNull() && (!typ.ByChance() || when == undone && !f.lookedAt(program, by))
	}
	words = slices.Concat(path, words)
	name, makers := f.made(words)
	if makers == nil && lenient { // it is null where what it reads through is
		name, makers = f.made(words[:min(len(words), 3)])
	}
	if makers == nil {
		name = strings.Join(words, ".")
		if !f.mayBeNull(words, when) {
			return false
		}
	}
	return f.missing(expr.Use{Name: name, Under: []expr.Case{{}}, Known: true}, makers, by, reading{program, during})
}

// startedByAlerts reports whether the run has begun with an alert, or may have.
func (p *parser) startedByAlerts() bool {
	for p.outer != nil {
		p = p.outer
	}
	return len(p.book.Triggers) > 0
}

func (f *flow) reportNull(use expr.Use, r reading) {
	at := f.p.src.locate(f.p.nodes[r.program], use.At)
	switch {
	case slices.ContainsFunc(f.p.found, func(p Problem) bool { return p.Pos == at }): // that is said already
	case use.Name == "alert":
		f.p.add(at, "not-made", "alert is always null here: the runbook has no triggers", "give it triggers, or take an input")
	case r.when == undone:
		f.p.add(at, "undo-input", fmt.Sprintf("when this is undone, %s may be null", use.Name), "read what is always there, or undo with the receipt: leave with out")
	default:
		read := use.Name
		if slices.ContainsFunc(r.program.Refs(), func(ref expr.Ref) bool { return strings.HasPrefix(strings.Join(ref.Path, "."), use.Name+".") }) {
			read += "?.FIELD"
		}
		f.p.add(at, "not-made", use.Name+" may be null here, though what makes it went well",
			fmt.Sprintf("read it where %s != nil, or write %s ?? VALUE", use.Name, read))
	}
}
