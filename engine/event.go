package engine

import (
	"maps"
	"time"
)

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
	r.apply(rec)
	r.own = own{}
	return r
}

// Fold folds records, in their order, into a run and returns the new run; the
// old one is unchanged. It is Apply, one after the other, with less to copy.
func Fold(r Run, recs []Record) Run {
	for _, rec := range recs {
		r.apply(rec)
	}
	r.own = own{}
	return r
}

// apply folds a record into a run that nobody else sees.
func (r *Run) apply(rec Record) {
	r.Seq = rec.Seq
	rec.Event.apply(r, rec.At)
}

// own says which maps of a run were made since it was copied: no other run
// has them, so that they may be changed. Nobody but Apply, Fold and Decide
// ever sees a run that owns any.
type own struct {
	steps, gates, questions, waited bool
}

// owned returns a map that may be changed: itself, or the first time a copy.
func owned[V any](m map[string]V, own *bool) map[string]V {
	switch {
	case *own:
		return m
	case m == nil:
		m = map[string]V{}
	default:
		m = maps.Clone(m)
	}
	*own = true
	return m
}
