package engine

import "time"

// RunStarted begins a run's journal.
type RunStarted struct {
	Facts Facts `json:"facts"`
}

// Kind implements [Event].
func (RunStarted) Kind() string { return "run_started" }

func (e RunStarted) apply(r *Run, at time.Time) {
	r.Facts, r.Generation, r.StartedAt = e.Facts, e.Facts.Generation, at
	r.Phase, r.Bar = PhaseRunning, e.Facts.Bar
	r.Stops, r.UndoWord = e.Facts.Stops, e.Facts.UndoOf != "" // who starts an undo means it, whatever stands
	r.repause(at)
	r.Vars, r.Called, r.Items = e.Facts.Vars, e.Facts.Called, e.Facts.Items
	r.Book = e.Facts.unroll(r.Book)
	for path, c := range e.Facts.Carried {
		r.setStep(path, func(s *Step) {
			s.Status, s.Outputs, s.Effect, s.Failure, s.StartedAt, s.EndedAt = c.Status, c.Outputs, c.Effect, c.Failure, at, at
		})
	}
	for i := range e.Facts.Undo {
		row := e.Facts.Undo[i]
		r.Ledger = append(r.Ledger, &row)
		r.Completed = max(r.Completed, row.Completed)
	}
}
