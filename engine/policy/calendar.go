package policy

import (
	"slices"
	"time"
)

// Span is a time from an instant until before another one.
type Span struct{ From, Until time.Time }

// Window is a time that comes once, on days of the week, or when a calendar
// says so: one of Once, Days and Spans. It has the clock of its zone, with
// that clock's changes: what begins in an hour that a change leaves out begins
// with the change, what ends in one ends with it; of an hour that comes twice
// both are in it.
type Window struct {
	Zone *time.Location

	Once *Period // from a day and time until another

	Days        []time.Weekday // from a time of these days until another; empty: not so
	From, Until Clock          // until the same time or an earlier one: of the next day

	Spans []Span // in any order
}

// Period is a time by the clock on the wall.
type Period struct{ From, Until Wall }

// Wall is what a clock and a calendar on a wall show.
type Wall struct {
	Year  int
	Month time.Month
	Day   int
	Clock
}

// Clock is a time of day, in minutes since midnight.
type Clock int

// horizon is for how many days a window that comes again is looked ahead: any
// day of the week comes in it twice, also where a zone leaves a day out.
const horizon = 15

// At says whether the window is open at a time, and until when that stays so;
// zero: for ever. One that is always open is looked at again after some days.
func (w Window) At(t time.Time) (open bool, until time.Time) {
	for _, s := range merge(w.around(t)) {
		switch {
		case t.Before(s.From):
			return false, s.From
		case t.Before(s.Until):
			return true, s.Until
		}
	}
	return false, time.Time{}
}

// around are the spans of the window that matter at a time.
func (w Window) around(t time.Time) []Span {
	switch {
	case w.Once != nil:
		return []Span{{w.Once.From.first(w.Zone), w.Once.Until.last(w.Zone)}}
	case len(w.Days) == 0:
		return w.Spans
	}
	var spans []Span
	y, m, d := t.In(w.Zone).Date()
	for i := -2; i < horizon; i++ {
		day := time.Date(y, m, d+i, 0, 0, 0, 0, time.UTC)
		if !slices.Contains(w.Days, day.Weekday()) {
			continue
		}
		next := day
		if w.Until <= w.From {
			next = day.AddDate(0, 0, 1)
		}
		spans = append(spans, Span{wall(day, w.From).first(w.Zone), wall(next, w.Until).last(w.Zone)})
	}
	return spans
}

func wall(day time.Time, c Clock) Wall { return Wall{day.Year(), day.Month(), day.Day(), c} }

// Days is the span of whole days of a calendar, in a zone: from the first
// until before the last.
func Days(from, until time.Time, zone *time.Location) Span {
	return Span{wall(from, 0).first(zone), wall(until, 0).last(zone)}
}

// merge joins spans that overlap or touch, and drops empty ones.
func merge(spans []Span) []Span {
	spans = slices.SortedFunc(slices.Values(spans), func(a, b Span) int { return a.From.Compare(b.From) })
	var out []Span
	for _, s := range spans {
		last := len(out) - 1
		switch {
		case !s.From.Before(s.Until):
		case last < 0 || s.From.After(out[last].Until):
			out = append(out, s)
		case s.Until.After(out[last].Until):
			out[last].Until = s.Until
		}
	}
	return out
}

// first is the first instant at which a wall in a zone shows this; where a
// change of the clock leaves it out, that of the change.
func (w Wall) first(zone *time.Location) time.Time {
	t := w.any(zone)
	if start, _ := t.ZoneBounds(); !start.IsZero() {
		if other := t.Add(jump(start)); other.Before(start) && w.shown(other) {
			return other
		}
	}
	return t
}

// last is the last such instant.
func (w Wall) last(zone *time.Location) time.Time {
	t := w.any(zone)
	if _, end := t.ZoneBounds(); !end.IsZero() {
		if other := t.Add(-jump(end)); !other.Before(end) && w.shown(other) {
			return other
		}
	}
	return t
}

// any is one of the instants at which a wall shows this, or that of the change
// which leaves it out.
func (w Wall) any(zone *time.Location) time.Time {
	t := time.Date(w.Year, w.Month, w.Day, 0, int(w.Clock), 0, 0, zone)
	if w.shown(t) {
		return t
	}
	start, end := t.ZoneBounds()
	if asUTC(t).Before(time.Date(w.Year, w.Month, w.Day, 0, int(w.Clock), 0, 0, time.UTC)) {
		return end
	}
	return start
}

// shown reports whether a wall shows this at an instant.
func (w Wall) shown(t time.Time) bool {
	return asUTC(t).Equal(time.Date(w.Year, w.Month, w.Day, 0, int(w.Clock), 0, 0, time.UTC))
}

// asUTC is what the wall of a zone shows, as if it were the time of UTC.
func asUTC(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// jump is by how much a change sets the clock forward.
func jump(change time.Time) time.Duration {
	_, after := change.Zone()
	_, before := change.Add(-1).Zone()
	return time.Duration(after-before) * time.Second
}
