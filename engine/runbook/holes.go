package runbook

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// holes refuses to read what some way to the reader has not made: outputs of
// steps and variables.
func (f *flow) holes() {
	for _, s := range f.steps {
		for _, r := range s.readings() {
			if !s.Optional && !f.p.full {
				f.hole(s, r)
				f.nulls(s, r)
				f.chances(s, r)
				f.lapse(s, r)
				f.changedSince(s, r)
			}
		}
	}
	f.ofOutputs()
}

// ofOutputs looks at what a runbook returns, which is made when its main part
// went well.
func (f *flow) ofOutputs() {
	end := f.returning()
	for _, program := range f.p.book.Outputs.Programs() {
		f.hole(end, reading{program, during})
		f.nulls(end, reading{program, during})
		f.lapse(end, reading{program, during})
	}
}

// returning stands for where a runbook returns something.
func (f *flow) returning() *Step {
	end := &Step{Kind: KindSet}
	f.part[end], f.way[end] = partMain, f.end
	return end
}

// changedSince refuses an undo that reads a variable which is set again before it
// may be undone: it would put back something else than people were shown.
func (f *flow) changedSince(s *Step, r reading) {
	if r.when != undone {
		return
	}
	for _, name := range r.program.Names() {
		if name[0] != "vars" || len(name) < 2 {
			continue
		}
		for _, setter := range f.setters[name[1]] {
			if !f.setBefore(setter, s) {
				f.p.addf(f.p.src.locate(f.p.nodes[r.program], refAt(r.program, name)), "undo-input",
					"read what does not change any more, such as outputs of a step before it, or give the variable in line "+strconv.Itoa(setter.Pos.Line)+" another name",
					"when this is undone, vars.%s may be what line %d has set since", name[1], setter.Pos.Line)
				return
			}
		}
	}
}

// setBefore reports whether a step is over before another one begins, if it
// runs at all.
func (f *flow) setBefore(setter, s *Step) bool {
	if slices.Index(f.steps, setter) > slices.Index(f.steps, s) {
		return false
	}
	for at := setter; at != nil; at = f.p.up(at) {
		if up := f.p.up(at); up != nil && s.In(up) {
			return up.Kind != KindParallel
		}
	}
	return true
}

func refAt(program *expr.Program, name []string) int {
	for _, ref := range program.Refs() {
		if slices.Equal(ref.Path, name[:2]) {
			return ref.At
		}
	}
	return 0
}

// lapse refuses to need what may be absent, an input that need not be given or
// what an item of a foreach may not have made, where neither the expression nor
// a condition before it looks at that.
func (f *flow) lapse(s *Step, r reading) {
	for _, lapse := range r.program.Lapses() {
		if r.when == during && (s.Kind == KindNotify || s.Kind == KindFail) && strings.HasPrefix(lapse.Name, "inputs.") {
			continue // a text that cannot be made says so, and nothing else comes of it
		}
		about, what, hint := f.absent(lapse.Name)
		if f.p.isGiven(lapse.Name) || f.minds(f.way[s], about) || r.when != before && s.If != nil && reads(s.If, about) {
			continue
		}
		id := "not-made"
		if r.when == undone {
			id = "undo-input"
		}
		f.p.add(f.p.src.locate(f.p.nodes[r.program], lapse.At), id, what, hint)
	}
}

// isGiven reports whether a name is that of an input which the runbook's caller
// gives, or without which no run begins: its service needs it.
func (p *parser) isGiven(name string) bool {
	input, ok := strings.CutPrefix(name, "inputs.")
	return ok && (p.by != nil && p.by.Call.With.Field(input) != nil ||
		slices.ContainsFunc(p.book.Service.Programs(), func(program *expr.Program) bool { return reads(program, name) }))
}

// absent says of what may be absent by which name conditions look at it, what
// is wrong, and what to do.
func (f *flow) absent(name string) (about, what, hint string) {
	if input, ok := strings.CutPrefix(name, "inputs."); ok {
		return name, name + " may be null here: nobody has to give it",
			fmt.Sprintf("give it a default or required: true at the top, read it where inputs.%s != nil, or write %s ?? VALUE", input, name)
	}
	maker := f.p.book.byPath[name]
	return "steps." + maker.ItemOf().Parent.ID,
		fmt.Sprintf("what step %s returned is null in the items in which it was skipped or had failed", maker.ID),
		fmt.Sprintf("write %s?.FIELD ?? VALUE, or filter the items where .%s != nil", maker.ID, maker.ID)
}

// minds reports whether a condition on a way reads something.
func (f *flow) minds(w *way, about string) bool {
	for ; w != nil; w = w.before {
		if w.condition != nil && !w.evaluated && reads(w.condition, about) {
			return true
		}
	}
	return false
}

func reads(program *expr.Program, about string) bool {
	return slices.ContainsFunc(program.Names(), func(name []string) bool {
		return len(name) > 1 && name[0]+"."+name[1] == about
	})
}

// failureName is what handlers read of what failed.
const failureName = "run.failure"

// hole looks at one expression of a step.
func (f *flow) hole(s *Step, r reading) {
	open := map[string]bool{} // what may be missing there
	for _, ref := range r.program.Refs() {
		if len(ref.Path) < 2 {
			continue
		}
		if f.part[s] == partFinally && len(ref.Path) > 2 && strings.Join(ref.Path[:2], ".") == failureName {
			open[failureName] = true // finally comes after runs that went well, too
		}
		if name, makers := f.made(ref.Path); len(makers) > 0 {
			open[name] = f.mayMiss(makers, s, r.when)
		}
	}
	if !slices.Contains(values(open), true) {
		return
	}
	told := map[string]bool{}
	for _, use := range f.logic(r.program).Uses(func(name string) bool { return open[name] }) {
		_, makers := f.made(strings.Split(use.Name, "."))
		if !told[use.Name] && f.missing(use, makers, s, r) {
			told[use.Name] = true
			f.report(use, s, r)
		}
	}
}

func values(m map[string]bool) []bool {
	var all []bool
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

// made returns the name of what a step makes as a whole, if a path is that, and
// the steps that make it.
func (f *flow) made(path []string) (string, []*Step) {
	switch {
	case path[0] == "vars" && len(path) == 2:
		return "vars." + path[1], f.setters[path[1]]
	case path[0] == "steps" && len(path) == 3 && path[2] == "outputs":
		if s := f.p.producer(path[1]); s != nil {
			return strings.Join(path, "."), []*Step{s}
		}
	}
	return "", nil
}

// above are a step and the groups around it that do not hold the place of a
// reader, the step first.
func (f *flow) above(s, reader *Step, when moment) []*Step {
	place := f.p.up(reader)
	if when == after {
		place = reader
	}
	var all []*Step
	for at := s; at != nil; at = f.p.up(at) {
		if place != nil && place.In(at) {
			break
		}
		all = append(all, at)
	}
	return all
}

// mayMiss reports whether there can be a way to a reader that passes over all
// makers.
func (f *flow) mayMiss(makers []*Step, reader *Step, when moment) bool {
	return !slices.ContainsFunc(makers, func(s *Step) bool {
		if s == reader {
			return true
		}
		if f.part[s] != f.part[reader] {
			return f.cannotFail(s)
		}
		return !s.Optional && !slices.ContainsFunc(f.above(s, reader, when), func(at *Step) bool {
			return f.p.hasIf[at] || f.mayBeSkipped(at)
		})
	})
}

// cannotFail reports whether a step of the main part is over before anything
// can fail.
func (f *flow) cannotFail(s *Step) bool {
	for _, first := range f.p.book.Steps {
		if first.Kind != KindSet && first.Kind != KindNotify || f.p.hasIf[first] {
			return false
		}
		if first == s {
			return true
		}
	}
	return false
}

// missing reports whether there certainly is a way to a use on which nothing
// has made it. Of an undo it is enough that there may be one: it is needed in
// the worst moment, and then cannot be mended any more.
func (f *flow) missing(use expr.Use, makers []*Step, reader *Step, r reading) bool {
	when, doubt := r.when, r.when == undone
	if !use.Known {
		return doubt
	}
	w := f.way[reader]
	if when != before && reader.If != nil {
		w = &way{before: w, holding: holding{reader.If, true}}
	} else if when != before && f.p.hasIf[reader] {
		return false // it cannot be read
	}
	worlds, ok := f.worlds(w, use.Under, rootsOf(r.program))
	if !ok {
		return doubt
	}
	sure := false
	for _, c := range worlds {
		world := f.follow(c, reader)
		if !world.possible() || world.has(use.Name, makers) {
			continue
		}
		misses, certain := world.misses(use.Name, makers, when)
		if !certain {
			return doubt
		}
		sure = sure || misses
	}
	return sure
}

// has reports whether something is there for sure.
func (w *world) has(name string, makers []*Step) bool {
	return slices.ContainsFunc(makers, func(s *Step) bool { return w.made[s] || s.Kind == KindSet && w.begun[s] }) ||
		slices.ContainsFunc(w.claims, func(c expr.Claim) bool {
			return slices.ContainsFunc(c.NotNull(), func(n string) bool { return n == name || strings.HasPrefix(n, name+".") })
		})
}

// misses reports whether nothing has made something in this world. It is not
// certain where conditions have to do with each other in a way that is not
// understood.
func (w *world) misses(name string, makers []*Step, when moment) (misses, certain bool) {
	if w.hints(name, makers) {
		return false, false
	}
	ways := []expr.Case{nil} // to pass over every maker
	for _, s := range makers {
		if w.f.part[s] != w.f.part[w.reader] || s.Optional && w.mayBe(s, "failed") {
			continue // it may fail, whatever else
		}
		cases, ok := w.f.passes(s, w.reader, when)
		if !ok {
			return false, false
		}
		if cases == nil {
			continue // a gate may pass over it
		}
		if ways = times(ways, cases); len(ways) > maxWorlds {
			return false, false
		}
	}
	for _, c := range ways {
		both := slices.Concat(w.claims, c)
		if _, _, found := both.Excluded(); found {
			continue
		}
		if w.f.entangled(w.claims, c) {
			return false, false
		}
		misses = true
	}
	return misses, true
}

// mayBe reports whether a step may have a status in this world.
func (w *world) mayBe(s *Step, status string) bool {
	left, narrowed := w.status[s]
	return !narrowed || slices.Contains(left, status)
}

// passes are the ways to pass over a maker, by the conditions around it; nil
// where it needs none.
func (f *flow) passes(s, reader *Step, when moment) ([]expr.Case, bool) {
	cases := []expr.Case{}
	for _, at := range f.above(s, reader, when) {
		switch {
		case f.mayBeSkipped(at):
			return nil, true
		case !f.p.hasIf[at]:
			continue
		case at.If == nil:
			return nil, false
		}
		more, ok := f.casesOf(at.If, false)
		if !ok {
			return nil, false
		}
		cases = append(cases, more...)
	}
	return cases, true
}

// hints reports whether a claim reads what may be missing in a way that is not
// understood.
func (w *world) hints(name string, makers []*Step) bool {
	return slices.ContainsFunc(w.claims, func(c expr.Claim) bool {
		if c.About == name {
			return false
		}
		for _, read := range w.f.behind(c.Reads) {
			s, field := w.f.named(read)
			switch {
			case read == name || strings.HasPrefix(read, name+"."):
				return true
			case s != nil && field != "status" && slices.Contains(makers, s):
				return true
			}
		}
		return false
	})
}

// entangled reports whether two cases read the same thing without claiming
// something about it that can be compared.
func (f *flow) entangled(a, b expr.Case) bool {
	for _, x := range a {
		for _, y := range b {
			if x.About != "" && x.About == y.About || x.About == "" && y.About == "" && x.Text == y.Text {
				continue
			}
			for _, one := range f.behind(x.Reads) {
				for _, other := range f.behind(y.Reads) {
					if one == other || strings.HasPrefix(one, other+".") || strings.HasPrefix(other, one+".") {
						return true
					}
				}
			}
		}
	}
	return false
}

// behind are names and, for variables, what was read to set them.
func (f *flow) behind(names []string) []string {
	all := slices.Clone(names)
	for i := 0; i < len(all); i++ {
		name, ok := strings.CutPrefix(all[i], "vars.")
		if !ok {
			continue
		}
		name, _, _ = strings.Cut(name, ".")
		for _, s := range f.setters[name] {
			for at := s; at != nil; at = f.p.up(at) {
				for _, r := range at.readings() {
					for _, ref := range r.program.Refs() {
						if read := strings.Join(ref.Path, "."); len(ref.Path) > 1 && !slices.Contains(all, read) {
							all = append(all, read)
						}
					}
				}
			}
		}
	}
	return all
}

// report says what is missing, and how it can be read all the same.
func (f *flow) report(use expr.Use, reader *Step, r reading) {
	at := f.p.src.locate(f.p.nodes[r.program], use.At)
	if use.Name == failureName {
		f.p.add(at, "not-made", "run.failure may be null here: finally is done after a run that went well, too", "read it where run.failure != nil")
		return
	}
	_, makers := f.made(strings.Split(use.Name, "."))
	maker := makers[0]
	why := f.whyMissing(maker, reader, r.when)
	if r.when == undone {
		f.p.add(at, "undo-input", fmt.Sprintf("when this is undone, %s may be null: %s", use.Name, why), "read it where it is always there, or undo with the receipt: leave with out")
		return
	}
	if maker.Kind == KindSet {
		f.p.add(at, "not-made", fmt.Sprintf("%s may be null here: %s", use.Name, why), fmt.Sprintf("set it before on every path, or write %s ?? VALUE", use.Name))
		return
	}
	f.p.add(at, "not-made", fmt.Sprintf("%s may be null here: %s", use.Name, why),
		fmt.Sprintf("read it where steps.%s.status == \"succeeded\", or write %s?.FIELD ?? VALUE", maker.ID, use.Name))
}

// whyMissing says how a step can be passed over.
func (f *flow) whyMissing(s, reader *Step, when moment) string {
	what := "the step"
	if s.ID != "" {
		what = "step " + s.ID
	}
	if f.part[s] != f.part[reader] {
		return what + " may not have run when this does"
	}
	if s.Optional {
		return what + " is optional, and may have failed"
	}
	for _, at := range f.above(s, reader, when) {
		around := what
		if at != s {
			around = fmt.Sprintf("the group in line %d", at.Pos.Line)
		}
		switch {
		case f.p.hasIf[at]:
			return fmt.Sprintf("%s is skipped where its if is false", around)
		case f.mayBeSkipped(at):
			return around + " is skipped where nobody answers"
		}
	}
	return what + " may not have run"
}
