package main

import (
	"fmt"
	"io"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// problemsOf prints to a writer what is wrong with a file, and returns the error that
// ends the command with the code for problems.
func problemsOf(a *app, to io.Writer, problems []runbook.Problem) error {
	for _, p := range problems {
		a.problem(to, p)
	}
	return ended{exitProblems}
}

func (a *app) problem(to io.Writer, p runbook.Problem) {
	if a.flags.json {
		fields := map[string]any{
			"type": "problem", "id": p.ID, "file": p.File, "line": p.Pos.Line, "col": p.Pos.Col, "what": p.What, "hint": p.Hint,
		}
		if p.Why != "" {
			fields["why"] = p.Why
		}
		_ = a.printJSON(fields)
		return
	}
	fmt.Fprintf(to, "%s:%d:%d: %s [%s]\n", p.File, p.Pos.Line, p.Pos.Col, p.What, p.ID)
	if p.Hint != "" {
		fmt.Fprintf(to, "    %s\n", p.Hint)
	}
}
