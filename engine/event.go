package engine

import "time"

// Event is something that was decided, for ever.
type Event interface {
	// Kind is the event's name in the journal.
	Kind() string
	// apply folds the event into the run. at is when it was decided.
	apply(r *Run, at time.Time)
}

// Record is an event in its place in a run's journal.
type Record struct {
	Seq   int // from 1, without gaps
	At    time.Time
	Event Event
}

// Apply folds one record into a run and returns the new run; the old one is
// unchanged. It never fails: whatever was recorded applies.
func Apply(r Run, rec Record) Run {
	r.Seq = rec.Seq
	rec.Event.apply(&r, rec.At)
	return r
}
