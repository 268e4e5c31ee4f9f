package main

import (
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// explainProblem says what the id of a problem means.
func (a *app) explainProblem(id string) error {
	kind, ok := runbook.KindOfProblem(id)
	if !ok {
		return fail(exitNotFound, nearProblems(id), "no problem has the id %s", id)
	}
	if a.flags.json {
		return a.printJSON(map[string]any{
			"type": "explained", "id": kind.ID, "group": kind.Group, "what": kind.What, "why": kind.Why, "hint": kind.Mend,
		})
	}
	a.printf("%s\n  refused  %s\n  because  %s\n  instead  %s\n", kind.ID, plain(kind.What), plain(kind.Why), plain(kind.Mend))
	return nil
}

// problemIDs are the ids of all problems.
func problemIDs() []string {
	var ids []string
	for _, k := range runbook.ProblemKinds() {
		ids = append(ids, k.ID)
	}
	return ids
}

// nearProblems says which ids somebody may have meant: those that share a word
// with what was written, or one that is nearly that; else all of them.
func nearProblems(id string) string {
	words := strings.FieldsFunc(id, func(r rune) bool { return r == '-' || r == '_' || r == ' ' })
	near := slices.DeleteFunc(problemIDs(), func(known string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return word != "no" && slices.Contains(strings.Split(known, "-"), word) })
	})
	if one := expr.Nearest(id, problemIDs()); len(near) == 0 && one != "" {
		near = []string{one}
	}
	if len(near) == 0 {
		near = problemIDs()
	}
	return "there is " + strings.Join(near, ", ")
}

// plain is a text without the marks of the pages.
func plain(text string) string { return strings.ReplaceAll(text, "`", "") }
