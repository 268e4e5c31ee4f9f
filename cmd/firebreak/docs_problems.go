package main

import (
	"fmt"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/engine/service"
)

// writeProblems writes the kinds of problems of runbooks and of the
// configuration.
func writeProblems(b *strings.Builder) error {
	b.WriteString("Each problem is printed with `file:line:col`, and its id in brackets; with `--json` it is the `id` of a line of type [problem](../json.md#problem).\nAn id never changes its meaning. `firebreak check --explain ID` says one of them on a terminal.\n\n## Of runbooks\n")
	for _, group := range runbook.ProblemGroups() {
		fmt.Fprintf(b, "\n### %s\n\n| id | refused | why | what to do |\n|---|---|---|---|\n", group)
		for _, k := range runbook.ProblemKinds() {
			if k.Group == group {
				fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", k.ID, cellOf(k.What), cellOf(k.Why), cellOf(k.Mend))
			}
		}
	}
	b.WriteString("\n## Of the configuration\n\nIt is read as a runbook is, with the ids above for keys, names, forms and YAML. These are its own:\n\n| id | refused |\n|---|---|\n")
	for _, k := range service.ProblemKinds() {
		fmt.Fprintf(b, "| `%s` | %s |\n", k.ID, cellOf(k.What))
	}
	return nil
}
