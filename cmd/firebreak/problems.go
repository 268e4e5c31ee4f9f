package main

import (
	"fmt"
	"io"

	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/engine/service"
)

// problemsOf prints to a writer what is wrong with a file, and returns the error that
// ends the command with the code for problems.
func problemsOf[P runbook.Problem | service.Problem](a *app, to io.Writer, problems []P) error {
	for _, p := range problems {
		switch p := any(p).(type) {
		case runbook.Problem:
			a.problem(to, p.ID, p.File, p.Pos.Line, p.Pos.Col, p.What, p.Why, p.Hint)
		case service.Problem:
			a.problem(to, p.ID, p.File, p.Pos.Line, p.Pos.Col, p.What, "", p.Hint)
		}
	}
	return ended{exitProblems}
}

func (a *app) problem(to io.Writer, id, file string, line, col int, what, why, hint string) {
	if a.flags.json {
		fields := map[string]any{
			"type": "problem", "id": id, "file": file, "line": line, "col": col, "what": what, "hint": hint,
		}
		if why != "" {
			fields["why"] = why
		}
		_ = a.printJSON(fields)
		return
	}
	fmt.Fprintf(to, "%s:%d:%d: %s [%s]\n", file, line, col, what, id)
	if hint != "" {
		fmt.Fprintf(to, "    %s\n", hint)
	}
}
