package cases

import (
	"maps"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// label is what a step is called in a case: its id where that names only it,
// else its path.
func label(book *runbook.Runbook, path string) string {
	step := book.Step(path)
	if step != nil && step.ID != "" && book.ByID(step.ID) == step {
		return step.ID
	}
	return path
}

// Parts of a step that call an action.
const (
	partOwn    = ""
	partGuard  = ".guard"
	partVerify = ".verify"
	partUndo   = ".undo"

	partUndoVerify = ".undo.verify"
)

// parts are the longest first: a name ends with one of them.
var parts = []string{partUndoVerify, partGuard, partVerify, partUndo}

// index finds the steps and the calls that names of a case stand for.
type index struct {
	steps   map[string]*runbook.Step   // by path, and by id
	actions map[string]*runbook.Action // that the runbook calls
}

func newIndex(book *runbook.Runbook) index {
	x := index{map[string]*runbook.Step{}, map[string]*runbook.Action{}}
	for _, s := range book.All() {
		x.steps[s.Path] = s
		if s.ID != "" && (x.steps[s.ID] == nil || s.Frame == book.Frame) {
			x.steps[s.ID] = s // an id of the runbook itself is before those of what it calls
		}
		for _, part := range append(parts, partOwn) {
			if a := actionAt(s, part); a != nil {
				x.actions[a.Name] = a
			}
		}
	}
	return x
}

func actionAt(s *runbook.Step, part string) *runbook.Action {
	switch {
	case part == partOwn:
		return s.Action
	case part == partGuard && s.Guard != nil:
		return s.Guard.Action
	case part == partVerify && s.Verify != nil:
		return s.Verify.Action
	case part == partUndo && s.Undo != nil:
		return s.Undo.Action
	case part == partUndoVerify && s.Undo != nil && s.Undo.Verify != nil:
		return s.Undo.Verify.Action
	}
	return nil
}

// step finds a step by its id or path. That of an item of a foreach is its
// template.
func (x index) step(name string) *runbook.Step {
	if s := x.steps[name]; s != nil || !strings.Contains(name, "/") {
		return s
	}
	return x.steps[x.template(name)]
}

// template is the path of a step with each number of an item replaced by the
// word for all of them.
func (x index) template(path string) string {
	if x.steps[path] != nil {
		return path
	}
	words := strings.Split(path, "/")
	for i := 1; i < len(words); i++ {
		around := x.steps[strings.Join(words[:i], "/")]
		if around != nil && around.Kind == runbook.KindForeach {
			words[i] = templateName
		}
	}
	return strings.Join(words, "/")
}

// templateName is the last part of the path of a foreach's template.
const templateName = "item"

// call finds the action that a name of a call stands for.
func (x index) call(name string) *runbook.Action {
	if a := x.actions[name]; a != nil {
		return a
	}
	step, part := splitCall(name)
	if s := x.step(step); s != nil {
		return actionAt(s, part)
	}
	return nil
}

func splitCall(name string) (step, part string) {
	for _, part := range parts {
		if step, ok := strings.CutSuffix(name, part); ok {
			return step, part
		}
	}
	return name, partOwn
}

// stepNames are the names of all steps, for suggestions.
func (x index) stepNames() []string { return slices.Sorted(maps.Keys(x.steps)) }

// callNames are the names of all calls.
func (x index) callNames() []string {
	names := slices.Collect(maps.Keys(x.actions))
	for name, s := range x.steps {
		for _, part := range append(parts, partOwn) {
			if actionAt(s, part) != nil {
				names = append(names, name+part)
			}
		}
	}
	slices.Sort(names)
	return names
}

// callKeys are the names under which a case may answer a call, the most
// precise first.
func (x index) callKeys(path, part, action string) []string {
	keys := []string{path + part}
	template := x.template(path)
	if template != path {
		keys = append(keys, template+part)
	}
	if s := x.steps[template]; s != nil && s.ID != "" && s.ID != path && x.steps[s.ID] == s {
		keys = append(keys, s.ID+part)
	}
	return append(keys, action)
}
