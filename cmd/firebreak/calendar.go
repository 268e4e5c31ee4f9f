package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-ical"
	"github.com/teambition/rrule-go"

	"github.com/firebreak-ops/firebreak/engine/policy"
)

// For how long a calendar is looked ahead and back, and how many events it may
// have in that time.
const (
	calendarAhead = 5 * 366 * 24 * time.Hour
	calendarBack  = 366 * 24 * time.Hour
	calendarMost  = 10_000
)

// calendarSpans are the times of the events of an iCalendar file, those that
// come again included. Days are those of a zone. The library panics on some
// files that are no calendar.
func calendarSpans(src []byte, zone *time.Location, now time.Time) (spans []policy.Span, err error) {
	defer func() {
		if r := recover(); r != nil {
			spans, err = nil, fmt.Errorf("it is no iCalendar file: %v", r)
		}
	}()
	dec := ical.NewDecoder(bytes.NewReader(src))
	for {
		cal, err := dec.Decode()
		if errors.Is(err, io.EOF) {
			return spans, nil
		}
		if err != nil {
			return nil, err
		}
		for _, event := range cal.Events() {
			more, err := eventSpans(event, zone, now)
			if err != nil {
				name, _ := event.Props.Text(ical.PropSummary)
				return nil, fmt.Errorf("event %q: %w", name, err)
			}
			if spans = append(spans, more...); len(spans) > calendarMost {
				return nil, errTooManyEvents
			}
		}
	}
}

var errTooManyEvents = fmt.Errorf("more than %d events in six years", calendarMost)

func eventSpans(event ical.Event, zone *time.Location, now time.Time) ([]policy.Span, error) {
	prop := event.Props.Get(ical.PropDateTimeStart)
	if prop == nil {
		return nil, errors.New("it has no DTSTART")
	}
	if event.Props.Get(ical.PropRecurrenceDates) != nil {
		return nil, errors.New("it comes again by RDATE, which is not read: write an event for each")
	}
	if status, err := event.Status(); err != nil || status == ical.EventCancelled {
		return nil, err
	}
	days := prop.ValueType() == ical.ValueDate
	in := zone
	if days {
		in = time.UTC
	}
	start, err := event.DateTimeStart(in)
	if err != nil {
		return nil, err
	}
	end, err := event.DateTimeEnd(in)
	if err != nil {
		return nil, err
	}
	starts, err := recurs(event, start, now)
	if err != nil {
		return nil, err
	}
	var spans []policy.Span
	for _, at := range starts {
		until := at.Add(end.Sub(start))
		if days {
			spans = append(spans, policy.Days(at, until, zone))
		} else {
			spans = append(spans, policy.Span{From: at, Until: until})
		}
	}
	return spans, nil
}

// recurs are the times at which an event begins, from a year ago on.
func recurs(event ical.Event, start, now time.Time) ([]time.Time, error) {
	option, err := event.Props.RecurrenceRule()
	if err != nil || option == nil {
		return []time.Time{start}, err
	}
	if option.Freq > rrule.DAILY {
		return nil, errors.New("it comes again more often than daily, which is not read")
	}
	option.Dtstart = start
	rule, err := rrule.NewRRule(*option)
	if err != nil {
		return nil, err
	}
	except := map[int64]bool{}
	for _, prop := range event.Props.Values(ical.PropExceptionDates) {
		for value := range strings.SplitSeq(prop.Value, ",") {
			prop.Value = value
			at, err := prop.DateTime(start.Location())
			if err != nil {
				return nil, err
			}
			except[at.Unix()] = true
		}
	}
	var out []time.Time
	next := rule.Iterator()
	for range 10 * calendarMost {
		at, ok := next()
		if !ok || at.After(now.Add(calendarAhead)) {
			return out, nil
		}
		if !except[at.Unix()] && at.After(now.Add(-calendarBack)) {
			out = append(out, at)
		}
	}
	return nil, errTooManyEvents
}
