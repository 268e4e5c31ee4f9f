package runbook

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// conditions refuses conditions that can only have one answer.
func (f *flow) conditions() {
	for _, t := range f.p.book.Triggers {
		f.constant(t.Alert)
		f.alone(t.Alert, "this trigger")
	}
	told := map[*way]bool{}
	for _, s := range f.steps {
		if f.p.full {
			return
		}
		f.behindFail(s, told)
		f.constant(s.If)
		if !f.alone(s.If, "this step") {
			f.never(s)
		}
		f.alone(s.Until, "what comes after this wait")
		if s.Guard != nil {
			f.alone(s.Guard.That, "the step behind this guard")
		}
		if s.Verify != nil {
			f.alone(s.Verify.Until, "success")
		}
		if s.Undo != nil && s.Undo.Verify != nil {
			f.alone(s.Undo.Verify.Until, "the undo's success")
		}
	}
}

// behindFail refuses a step behind fails of which, by their conditions, one always
// ends the run.
func (f *flow) behindFail(s *Step, told map[*way]bool) {
	w := f.way[s]
	if w == nil || w.evaluated || w.holds || told[w] {
		return
	}
	told[w] = true
	_, impossible := f.impossible(w, s, rootsOf(w.condition))
	if _, already := f.impossible(w.before, s, rootsOf(w.condition)); impossible && !already {
		f.p.add(s.Pos, "unreachable", "this step is never reached: one of the conditions before it always ends the run", "mend the condition of one of the steps that fail")
	}
}

// constant refuses a condition that reads nothing and is true.
func (f *flow) constant(condition *expr.Program) {
	if condition == nil || len(condition.Refs()) > 0 {
		return
	}
	if holds, err := condition.Bool(nil); err == nil && holds {
		f.p.add(posOf(f.p.nodes[condition]), "always-true", "the condition is always true: it reads nothing", "leave it out")
	}
}

// alone refuses a condition that contradicts itself, or whose opposite does.
func (f *flow) alone(condition *expr.Program, what string) bool {
	if condition == nil || len(condition.Refs()) == 0 || !readsTwice(condition) && !fixed.MatchString(condition.Source()) {
		return false
	}
	if why, always := f.excluded(condition, true); always {
		f.p.add(posOf(f.p.nodes[condition]), "unreachable",
			fmt.Sprintf("the condition is never true: %s is never reached", what), given("these cannot both hold: ", why))
		return true
	}
	if why, always := f.excluded(condition, false); always {
		f.p.add(posOf(f.p.nodes[condition]), "always-true", "the condition is always true", given("it could only be false where ", why))
		return true
	}
	return false
}

// fixed finds what can make a condition one that is always true or false.
var fixed = regexp.MustCompile(`\btrue\b|\bfalse\b|\[\s*\]|\blen\(`)

// readsTwice reports whether a condition reads something in two places: else
// it cannot contradict itself.
func readsTwice(condition *expr.Program) bool {
	seen := map[string]bool{}
	for _, path := range condition.Names() {
		name := strings.Join(path, ".")
		if seen[name] {
			return true
		}
		seen[name] = true
	}
	return false
}

// excluded reports whether every way in which a condition holds, or does not,
// is impossible, and why the last one is.
func (f *flow) excluded(condition *expr.Program, holds bool) (why string, always bool) {
	cases, ok := f.casesOf(condition, holds)
	if !ok {
		return "", false
	}
	for _, c := range cases {
		one, other, found := c.Excluded()
		if !found {
			return "", false
		}
		why = both(one, other)
	}
	return why, true
}

// given is a text behind what leads to it, if there is one.
func given(lead, text string) string {
	if text == "" {
		return ""
	}
	return lead + text
}

func both(one, other expr.Claim) string { return one.String() + " and " + other.String() }

// never refuses a step whose condition what holds around it excludes.
func (f *flow) never(s *Step) {
	if s.If == nil || len(s.If.Refs()) == 0 {
		return
	}
	about := rootsOf(s.If)
	if len(f.near(f.way[s], about)) == 0 && !readsStatus(s.If) { // nothing but what it says itself
		return
	}
	hint, impossible := f.impossible(&way{before: f.way[s], holding: holding{s.If, true}}, s, about)
	if !impossible {
		return
	}
	if _, impossible = f.impossible(f.way[s], s, about); !impossible { // else that was said of what is around it
		f.p.add(posOf(f.p.nodes[s.If]), "unreachable", "the condition is never true here: this step is never reached", hint)
	}
}

func readsStatus(condition *expr.Program) bool {
	return slices.ContainsFunc(condition.Refs(), func(ref expr.Ref) bool {
		return len(ref.Path) > 2 && ref.Path[0] == "steps" && ref.Path[2] == "status"
	})
}

// impossible reports whether a way to a step cannot be gone, and why.
func (f *flow) impossible(w *way, s *Step, about map[string]bool) (why string, impossible bool) {
	worlds, ok := f.worlds(w, []expr.Case{nil}, about)
	if !ok || len(worlds) == 0 {
		return "", false
	}
	for _, c := range worlds {
		world := f.follow(c, s)
		if world.possible() {
			return "", false
		}
		why = world.whyNot()
	}
	return why, true
}

// whyNot says why a world is impossible.
func (w *world) whyNot() string {
	for _, s := range w.f.steps {
		if left, seen := w.status[s]; seen && len(left) == 0 {
			return fmt.Sprintf("a step that fails ends the run unless it is optional: here steps.%s.status can be %s", s.ID, oneOf(w.f.statuses(s, w.reader)))
		}
	}
	one, other, _ := w.claims.Excluded()
	return "these cannot both hold: " + both(one, other)
}

func oneOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
