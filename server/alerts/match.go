package alerts

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Match is what answers an alert.
type Match struct {
	Book    *runbook.Runbook
	Trigger *runbook.Trigger
	Inputs  map[string]json.RawMessage
}

// Cause is what two alerts have in common that the same run would cure: the
// runbook and what it is given.
func (m Match) Cause() string {
	var b strings.Builder
	b.WriteString(m.Book.Name)
	for _, name := range slices.Sorted(maps.Keys(m.Inputs)) {
		b.WriteString(" " + name + "=" + string(m.Inputs[name]))
	}
	return b.String()
}

// UnmatchedError says that no trigger answers an alert, and which came
// nearest.
type UnmatchedError struct {
	Runbook string // of the nearest trigger; empty: no runbook has any
	At      string // file:line:col of that trigger
	Why     string // what of it does not hold
}

func (e *UnmatchedError) Error() string {
	if e.Runbook == "" {
		return "no runbook has a trigger"
	}
	return fmt.Sprintf("no trigger answers it; the nearest is of %s (%s): %s", e.Runbook, e.At, e.Why)
}

// AmbiguousError says that the triggers of several runbooks answer an alert.
// Which of them is right is for people to say.
type AmbiguousError struct{ Runbooks []string }

func (e *AmbiguousError) Error() string {
	return "the triggers of several runbooks answer it: " + strings.Join(e.Runbooks, ", ") + "; none was started: narrow all but one of them"
}

// InputsError says that the runbook that answers an alert cannot be given its
// inputs.
type InputsError struct {
	Runbook string
	Err     error
}

func (e *InputsError) Error() string {
	return fmt.Sprintf("%s answers it, and its inputs cannot be made: %s", e.Runbook, e.Err)
}

func (e *InputsError) Unwrap() error { return e.Err }

// Matcher finds the runbook that answers an alert. It is immutable.
type Matcher struct {
	books    []*runbook.Runbook
	triggers []*watched // of all runbooks, in their order
}

// NewMatcher makes a matcher of the triggers of runbooks.
func NewMatcher(books []*runbook.Runbook) *Matcher {
	m := &Matcher{books: books}
	for _, book := range books {
		for i := range book.Triggers {
			if t := &book.Triggers[i]; t.Alert != nil {
				m.triggers = append(m.triggers, watch(book, t))
			}
		}
	}
	return m
}

// Match returns what answers an alert, or an [*UnmatchedError], an
// [*AmbiguousError] or an [*InputsError]. Of a runbook the first trigger that
// holds counts. A condition that reads what the alert does not have does not
// hold.
func (m *Matcher) Match(a *Alert) (Match, error) {
	vars, err := varsOf(a)
	if err != nil {
		return Match{}, err
	}
	var found []*watched
	for _, t := range m.triggers {
		if len(found) > 0 && found[len(found)-1].book == t.book {
			continue
		}
		if ok, err := t.Alert.Bool(vars); err == nil && ok {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 0:
		return Match{}, m.nearest(vars)
	case 1:
		return found[0].match(vars)
	}
	var names []string
	for _, t := range found {
		names = append(names, t.book.Name)
	}
	return Match{}, &AmbiguousError{names}
}

func varsOf(a *Alert) (expr.Vars, error) {
	raw, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	v, err := expr.Any().Decode(raw)
	if err != nil {
		return nil, err
	}
	return expr.Vars{"alert": v}, nil
}

func (t *watched) match(vars expr.Vars) (Match, error) {
	m := Match{Book: t.book, Trigger: t.Trigger, Inputs: map[string]json.RawMessage{}}
	for _, name := range slices.Sorted(maps.Keys(t.Inputs)) {
		v, err := t.Inputs[name].Eval(vars)
		if err != nil {
			return m, &InputsError{t.book.Name, fmt.Errorf("input %s: %w", name, err)}
		}
		if m.Inputs[name], err = json.Marshal(v); err != nil {
			return m, &InputsError{t.book.Name, fmt.Errorf("input %s: %w", name, err)}
		}
	}
	return m, nil
}
