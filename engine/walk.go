package engine

import "github.com/firebreak-ops/firebreak/engine/runbook"

// walk visits every step of a runbook in its order, handlers last.
func walk(book *runbook.Runbook, visit func(*runbook.Step)) {
	var each func([]*runbook.Step)
	each = func(steps []*runbook.Step) {
		for _, s := range steps {
			visit(s)
			each(s.Steps)
		}
	}
	each(book.Steps)
	each(book.OnFailure)
	each(book.Finally)
}
