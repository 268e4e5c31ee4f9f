package runbook

import (
	"maps"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// flow is what is known of the ways through a file: which conditions hold
// where, and what has run by then.
type flow struct {
	p       *parser
	steps   []*Step
	part    map[*Step]int  // of which part of the file it is
	way     map[*Step]*way // on which each step is reached
	end     *way           // on which the main part ends
	setters map[string][]*Step
	cases   map[holding]known // of conditions that were looked at
	logics  map[*expr.Program]*expr.Logic
}

// The parts of a file.
const (
	partMain = iota
	partOnFailure
	partFinally
)

// way is a condition that an evaluation went by, and those before it.
type way struct {
	before *way
	holding
	evaluated bool     // it had a value, whichever
	names     []string // see roots
}

// holding is a condition that holds or does not.
type holding struct {
	condition *expr.Program
	holds     bool
}

// known are the ways in which a condition holds; false: too many to tell.
type known struct {
	cases []expr.Case
	ok    bool
}

func (p *parser) newFlow() *flow {
	f := &flow{
		p: p, steps: p.ownSteps(), part: map[*Step]int{}, way: map[*Step]*way{}, setters: map[string][]*Step{},
		cases: map[holding]known{}, logics: map[*expr.Program]*expr.Logic{},
	}
	f.end = f.lay(p.book.Steps, nil, partMain)
	f.lay(p.book.OnFailure, nil, partOnFailure)
	f.lay(p.book.Finally, nil, partFinally)
	for _, s := range f.steps {
		for _, a := range s.Set {
			f.setters[a.Name] = append(f.setters[a.Name], s)
		}
	}
	return f
}

// lay notes on which way each step is reached, and returns the way behind
// them.
func (f *flow) lay(steps []*Step, w *way, part int) *way {
	for _, s := range steps {
		f.part[s], f.way[s] = part, w
		inner := w
		if s.If != nil {
			inner = &way{before: w, holding: holding{s.If, true}}
		}
		if s.Kind == KindParallel {
			for _, member := range s.Steps {
				f.lay([]*Step{member}, inner, part)
			}
		} else {
			f.lay(s.members(), inner, part)
		}
		if part != partFinally || f.p.up(s) != nil { // there a failure does not keep the next from running
			w = f.pass(s, w)
		}
	}
	return w
}

// pass is the way behind a step that did not end the run.
func (f *flow) pass(s *Step, w *way) *way {
	if s.Optional {
		return w
	}
	if s.If != nil {
		if s.Kind == KindFail || slices.ContainsFunc(s.Steps, f.p.ends) {
			return &way{before: w, holding: holding{s.If, false}}
		}
		return &way{before: w, holding: holding{condition: s.If}, evaluated: true}
	}
	if f.mayBeSkipped(s) {
		return w
	}
	for _, r := range s.readings() {
		if r.when == during {
			w = &way{before: w, holding: holding{condition: r.program}, evaluated: true}
		}
	}
	if s.Each != nil { // there may be no item, or one that failed
		return w
	}
	for _, member := range s.members() {
		w = f.pass(member, w)
	}
	return w
}

// mayBeSkipped reports whether a step may be passed over by itself, other than
// by its if.
func (f *flow) mayBeSkipped(s *Step) bool {
	asking := s.Asking()
	return asking != nil && (asking.OnExpiry == "skip" || f.part[s] != partMain)
}

func (f *flow) casesOf(condition *expr.Program, holds bool) ([]expr.Case, bool) {
	h := holding{condition, holds}
	k, done := f.cases[h]
	if !done {
		k.cases, k.ok = f.logic(condition).Cases(holds)
		f.cases[h] = k
	}
	return k.cases, k.ok
}

// maxNear bounds the conditions on a way that are looked at together. Where more
// have to do with each other nothing is concluded.
const maxNear = 64

// maxWorlds bounds the combinations of conditions that are looked at.
const maxWorlds = 64

// worlds are the ways to come by a way and then under one of some cases, as
// far as they have to do with some names. It is false where there are too many
// to tell.
func (f *flow) worlds(w *way, under []expr.Case, about map[string]bool) ([]expr.Case, bool) {
	all := []expr.Case{nil}
	near := f.near(w, about)
	if len(near) > maxNear {
		return nil, false
	}
	for _, w := range near {
		if w.evaluated {
			all = times(all, []expr.Case{{f.needs(w.condition)}})
			continue
		}
		cases, ok := f.stable(f.casesOf(w.condition, w.holds))
		if all = times(all, cases); !ok || len(all) > maxWorlds {
			return nil, false
		}
	}
	all = times(all, under)
	return all, len(all) <= maxWorlds
}

// near are the conditions of a way that have to do with some names, with what
// has to do with those, and so on; at most one more than are looked at.
func (f *flow) near(w *way, about map[string]bool) []*way {
	var all []*way
	todo, taken := map[string]bool{failureName: true}, map[*way]bool{} // from what failed much follows of the steps before it
	for name := range about {
		f.reach(name, todo)
	}
	for more := true; more; {
		more = false
		for at := w; at != nil; at = at.before {
			names := f.roots(at)
			if taken[at] || !slices.ContainsFunc(names, func(name string) bool { return todo[name] }) {
				continue
			}
			taken[at] = true
			if all = append(all, at); len(all) > maxNear {
				return all
			}
			for _, name := range names {
				more = more || !todo[name]
				todo[name] = true
			}
		}
	}
	return all
}

// reach adds a name, and those that something follows for from what is said
// of it.
func (f *flow) reach(name string, to map[string]bool) {
	if to[name] {
		return
	}
	to[name] = true
	first, second, _ := strings.Cut(name, ".")
	var makers []*Step
	switch first {
	case "steps":
		if s := f.p.producer(second); s != nil {
			makers = []*Step{s}
			Walk(s.members(), func(member *Step) {
				if member.ID != "" {
					f.reach("steps."+member.ID, to)
				}
			})
		}
	case "vars":
		makers = f.setters[second]
	}
	for _, s := range makers {
		for _, r := range s.readings() {
			f.reachAll(r.program, to)
		}
		for at := f.p.up(s); at != nil; at = f.p.up(at) {
			f.reachAll(at.If, to)
		}
	}
}

func (f *flow) reachAll(program *expr.Program, to map[string]bool) {
	for name := range rootsOf(program) {
		f.reach(name, to)
	}
}

// roots are the names that something follows for from a condition of a way,
// two words of each.
func (f *flow) roots(w *way) []string {
	if w.names != nil {
		return w.names
	}
	w.names = []string{}
	if !w.evaluated {
		names := map[string]bool{}
		f.reachAll(w.condition, names)
		w.names = slices.Collect(maps.Keys(names))
		return w.names
	}
	for _, need := range f.needs(w.condition).Needs {
		if words := strings.SplitN(need, ".", 3); len(words) > 1 && words[0] != "inputs" {
			w.names = append(w.names, words[0]+"."+words[1])
		}
	}
	return w.names
}

// rootsOf are the names that an expression reads, two words of each.
func rootsOf(program *expr.Program) map[string]bool {
	names := map[string]bool{}
	if program != nil {
		for _, ref := range program.Refs() {
			if len(ref.Path) > 1 {
				names[ref.Path[0]+"."+ref.Path[1]] = true
			}
		}
	}
	return names
}

// stable makes of claims about variables that are set more than once claims
// that nothing follows from: they may have been set again since.
func (f *flow) stable(cases []expr.Case, ok bool) ([]expr.Case, bool) {
	var all []expr.Case
	for i, c := range cases {
		for j, claim := range c {
			if !slices.ContainsFunc(claim.Reads, f.setAgain) {
				continue
			}
			if all == nil {
				all = slices.Clone(cases)
			}
			all[i] = slices.Clone(all[i])
			all[i][j] = expr.Claim{Holds: true, Text: claim.Text, Reads: claim.Reads}
		}
	}
	if all == nil {
		return cases, ok
	}
	return all, ok
}

func (f *flow) setAgain(name string) bool {
	name, ok := strings.CutPrefix(name, "vars.")
	name, _, _ = strings.Cut(name, ".")
	return ok && len(f.setters[name]) > 1
}

func times(all, cases []expr.Case) []expr.Case {
	if len(all) == 1 && len(cases) == 1 {
		return []expr.Case{append(all[0], cases[0]...)}
	}
	if len(all)*len(cases) > maxWorlds {
		return make([]expr.Case, maxWorlds+1)
	}
	var product []expr.Case
	for _, a := range all {
		for _, b := range cases {
			product = append(product, slices.Concat(a, b))
		}
	}
	return product
}

// needs is the claim that an expression had a value.
func (f *flow) needs(program *expr.Program) expr.Claim {
	return expr.Claim{Holds: true, Needs: f.logic(program).Needs()}
}

func (f *flow) logic(program *expr.Program) *expr.Logic {
	l := f.logics[program]
	if l == nil {
		l = program.Logic()
		f.logics[program] = l
	}
	return l
}

// world is one way to come to a place, with all that follows from it.
type world struct {
	f      *flow
	reader *Step
	claims expr.Case
	begun  map[*Step]bool
	made   map[*Step]bool
	status map[*Step][]string // which words are left
}

// follow draws the conclusions of what holds on a way to a step.
func (f *flow) follow(c expr.Case, reader *Step) *world {
	w := &world{f: f, reader: reader, begun: map[*Step]bool{}, made: map[*Step]bool{}, status: map[*Step][]string{}}
	w.add(c)
	return w
}

func (w *world) add(c expr.Case) {
	for _, claim := range c {
		w.claims = append(w.claims, claim)
		for _, name := range claim.NotNull() {
			if s, field := w.f.named(name); s != nil && field == "outputs" {
				w.make(s)
			}
		}
		if s, field := w.f.named(claim.About); s != nil && field == "status" {
			w.narrow(s, claim)
		}
		if claim.About == failureName+".step" && claim.Op == "==" {
			w.failedIn(claim.Value)
		}
	}
}

// named returns the step and the field of steps.ID.FIELD and of what is in it.
func (f *flow) named(name string) (*Step, string) {
	words := strings.SplitN(name, ".", 4)
	if len(words) < 3 || words[0] != "steps" {
		return nil, ""
	}
	return f.p.producer(words[1]), words[2]
}

// narrow takes the words away that the status of a step is not.
func (w *world) narrow(s *Step, claim expr.Claim) {
	left, seen := w.status[s]
	if !seen {
		left = w.f.statuses(s, w.reader)
	}
	left = slices.DeleteFunc(slices.Clone(left), func(word string) bool {
		return claim.Excludes(expr.Claim{About: claim.About, Op: "==", Value: word})
	})
	w.status[s] = left
	if !slices.Contains(left, "skipped") && !slices.Contains(left, "pending") && len(left) > 0 {
		w.begin(s)
	}
	if slices.Equal(left, []string{"succeeded"}) {
		w.succeed(s)
	}
}

// statuses are what the status of a step can be where another one reads it: in
// the main part the run has not failed.
func (f *flow) statuses(s, reader *Step) []string {
	switch {
	case f.part[s] != partMain || f.part[reader] != partMain, s.Kind == KindNotify, s.Kind == KindSet, s.Kind == KindFail:
		return statuses
	}
	words := []string{"succeeded", "skipped"}
	if s.Optional {
		words = append(words, "failed")
	}
	for at := f.p.up(s); at != nil; at = f.p.up(at) {
		if f.p.hasIf[at] || f.mayBeSkipped(at) { // it is skipped as a whole
			return append(words, "pending")
		}
	}
	return words
}

// begin concludes from a step that was not passed over.
func (w *world) begin(s *Step) {
	if w.begun[s] {
		return
	}
	w.begun[s] = true
	for at := s; at != nil; at = w.f.p.up(at) {
		if at.If == nil {
			continue
		}
		if cases, ok := w.f.casesOf(at.If, true); ok && len(cases) == 1 {
			w.add(cases[0])
		}
	}
}

// failedIn concludes from the path of the step that failed: in the main part what
// stands before it went well.
func (w *world) failedIn(path any) {
	name, _ := path.(string)
	s := w.f.p.book.byPath[name]
	if s == nil || w.f.part[s] != partMain {
		return
	}
	for at := s; at != nil; at = w.f.p.up(at) {
		beside, up := w.f.p.book.Steps, w.f.p.up(at)
		if up != nil {
			beside = up.Steps
		}
		if up != nil && up.Kind == KindParallel {
			continue
		}
		for _, before := range beside[:slices.Index(beside, at)] {
			if w.f.mustSucceed(before) {
				w.succeed(before)
			}
		}
	}
}

// mustSucceed reports whether a step cannot be passed over, nor fail, while what
// is around it goes on.
func (f *flow) mustSucceed(s *Step) bool {
	return !f.p.hasIf[s] && !s.Optional && !f.mayBeSkipped(s)
}

// make concludes from a step that has outputs.
func (w *world) make(s *Step) {
	if w.made[s] {
		return
	}
	w.made[s] = true
	w.begin(s)
	for _, r := range s.readings() {
		if r.when == during {
			w.add(expr.Case{w.f.needs(r.program)})
		}
	}
}

// succeed concludes from a step that went well: what was in it did, too.
func (w *world) succeed(s *Step) {
	w.begin(s)
	if s.OutputType() != nil || s.Kind == KindAction {
		w.make(s)
	}
	if s.Each != nil {
		return
	}
	for _, member := range s.members() {
		if w.f.mustSucceed(member) {
			w.succeed(member)
		}
	}
}

// possible reports whether nothing of what is concluded excludes anything else.
func (w *world) possible() bool {
	for s, left := range w.status {
		if len(left) == 0 && s != nil {
			return false
		}
	}
	_, _, found := w.claims.Excluded()
	return !found
}
