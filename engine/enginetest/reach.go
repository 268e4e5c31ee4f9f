package enginetest

import (
	"slices"

	"github.com/firebreak-ops/firebreak/engine"
)

// reach is a place that a life has come to: a crash of one kind, and where the
// run was that it struck. It says what the simulator has tried, and judges
// nothing.
type reach struct{ point, state string }

func (r reach) String() string { return r.point + " x " + r.state }

// note remembers that something strikes the run where it is.
func (l *life) note(point string) {
	for _, state := range states(&l.run) {
		l.reached[reach{point, state}]++
	}
}

// states is where a run is: everything that it does at once.
func states(r *engine.Run) []string {
	if r.Seq == 0 {
		return []string{"not started"}
	}
	var out []string
	add := func(state string) {
		if state != "" && !slices.Contains(out, state) {
			out = append(out, state)
		}
	}
	if r.Phase != engine.PhaseRunning {
		add(string(r.Phase))
	}
	for path := range r.Steps {
		if s := r.Step(path); !s.Done() && s.Doing != engine.DoingChildren {
			add(string(s.Doing))
		}
	}
	for _, row := range r.Ledger {
		if row.Undoing != engine.UndoIdle {
			add("undo " + string(row.Undoing))
		}
	}
	for path, g := range r.Gates {
		if s := r.Step(path); !s.Done() && g.State != engine.GateIdle && g.State != engine.GateConsumed {
			add("gate " + string(g.State))
		}
	}
	for _, q := range r.Questions {
		if q.Kind == engine.AskValue {
			add("asking for a value")
		}
	}
	if r.Locks.State == engine.LocksRequested {
		add("locks requested")
	}
	for _, s := range r.Stops {
		add(string(s.Kind))
	}
	return out
}
