package main

import (
	"strings"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// explainProblem says what the id of a problem means.
func (a *app) explainProblem(id string) error {
	kind, ok := runbook.KindOfProblem(id)
	if !ok {
		var ids []string
		for _, k := range runbook.ProblemKinds() {
			ids = append(ids, k.ID)
		}
		return fail(exitNotFound, expr.Suggest(id, ids), "no problem has the id %s", id)
	}
	if a.flags.json {
		return a.printJSON(map[string]any{
			"type": "explained", "id": kind.ID, "group": kind.Group, "what": kind.What, "why": kind.Why, "hint": kind.Mend,
		})
	}
	a.printf("%s\n  refused  %s\n  because  %s\n  instead  %s\n", kind.ID, plain(kind.What), plain(kind.Why), plain(kind.Mend))
	return nil
}

// plain is a text without the marks of the pages.
func plain(text string) string { return strings.ReplaceAll(text, "`", "") }
