package alerts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// watched is a trigger that is asked about every alert, taken apart so that it
// can be said what of it does not hold.
type watched struct {
	*runbook.Trigger

	book  *runbook.Runbook
	cases [][]claim // the ways in which it holds; none: they cannot be told
}

// claim is a part of a condition.
type claim struct {
	text  string
	reads []string
	part  *expr.Program // nil: it cannot be asked alone
}

var alertScope = expr.Scope{"alert": expr.Any()}

func watch(book *runbook.Runbook, t *runbook.Trigger) *watched {
	w := &watched{Trigger: t, book: book}
	cases, _ := t.Alert.Logic().Cases(true)
	for _, c := range cases {
		claims := make([]claim, 0, len(c))
		for _, says := range c {
			text := says.String()
			part, err := expr.Compile(text, alertScope, expr.Of(expr.Bool))
			if err != nil {
				part = nil
			}
			claims = append(claims, claim{text, says.Reads, part})
		}
		w.cases = append(w.cases, claims)
	}
	return w
}

// nearest says which trigger most of holds, and what of it does not.
func (m *Matcher) nearest(vars expr.Vars) error {
	best := &UnmatchedError{}
	score := -1.0
	for _, t := range m.triggers {
		holds, why := t.near(vars)
		if holds > score {
			score = holds
			best = &UnmatchedError{t.book.Name, fmt.Sprintf("%s:%d:%d", t.book.File, t.Pos.Line, t.Pos.Col), why}
		}
	}
	return best
}

// near returns how much of a trigger holds, from 0 to 1, and what does not.
func (t *watched) near(vars expr.Vars) (share float64, why string) {
	whole := claim{text: t.Alert.Source()}
	for _, ref := range t.Alert.Refs() {
		whole.reads = append(whole.reads, strings.Join(ref.Path, "."))
	}
	why = whole.miss(vars)
	for _, c := range t.cases {
		holds := 0.0
		var misses []string
		for _, says := range c {
			if says.holds(vars) {
				holds++
				continue
			}
			misses = append(misses, says.miss(vars))
		}
		if of := holds / float64(max(len(c), 1)); of > share && len(misses) > 0 {
			share, why = of, strings.Join(misses, ", and ")
		}
	}
	if share == 0 && whole.there(vars) {
		share = 0.01 // it is at least about what the alert has
	}
	return share, why
}

// holds reports whether the claim is known to be right.
func (c claim) holds(vars expr.Vars) bool {
	if c.part == nil {
		return false
	}
	is, err := c.part.Bool(vars)
	return err == nil && is
}

// there reports whether the alert has all that the claim reads.
func (c claim) there(vars expr.Vars) bool {
	return !slices.ContainsFunc(c.reads, func(name string) bool {
		_, ok := lookUp(vars, name)
		return !ok
	})
}

// miss says that the claim is not right, and what the alert has instead.
func (c claim) miss(vars expr.Vars) string {
	var is []string
	for _, name := range c.reads {
		text := "there is no " + name
		if v, ok := lookUp(vars, name); ok {
			if _, holder := v.(map[string]any); holder {
				continue // what is read is in it
			}
			text = fmt.Sprintf("%s is %q", name, clip(fmt.Sprint(v)))
		}
		if !slices.Contains(is, text) {
			is = append(is, text)
		}
	}
	if len(is) == 0 {
		return c.text + " is not so"
	}
	return c.text + " is not so: " + strings.Join(is, ", ")
}

// lookUp follows a name such as alert.labels.service.
func lookUp(vars expr.Vars, name string) (any, bool) {
	var at any = map[string]any(vars)
	for word := range strings.SplitSeq(name, ".") {
		object, ok := at.(map[string]any)
		if !ok {
			return nil, false
		}
		if at, ok = object[word]; !ok {
			return nil, false
		}
	}
	return at, at != nil
}
