package service

import "github.com/firebreak-ops/firebreak/engine/runbook"

// Supply is where runbooks may come from.
type Supply struct {
	Committed bool     // only what is exactly as in a commit
	Paths     []string // only from below these, absolute; empty: from anywhere
	Pos       runbook.Pos
}

func (r *reader) supply(f runbook.Fields) {
	at := f.At("runbooks")
	if f, ok := r.within(f, "runbooks", supplyShape); ok {
		r.cfg.Runbooks = &Supply{Committed: f.Text("require") == requireCommitted, Paths: texts(f.Words("paths")), Pos: at}
	}
}
