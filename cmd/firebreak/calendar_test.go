package main

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine/policy"
)

func TestCalendars(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name  string
		event []string
		spans []string // from and until, the first few
		err   string
	}{
		{"a day", []string{"DTSTART;VALUE=DATE:20261225"}, []string{"2026-12-24T23:00:00Z 2026-12-25T23:00:00Z"}, ""},
		{"some days", []string{"DTSTART;VALUE=DATE:20261225", "DTEND;VALUE=DATE:20261227"}, []string{"2026-12-24T23:00:00Z 2026-12-26T23:00:00Z"}, ""},
		{"the clock of the zone", []string{"DTSTART:20261127T090000", "DTEND:20261127T100000"}, []string{"2026-11-27T08:00:00Z 2026-11-27T09:00:00Z"}, ""},
		{"another zone", []string{"DTSTART;TZID=America/New_York:20261127T090000", "DURATION:PT2H"}, []string{"2026-11-27T14:00:00Z 2026-11-27T16:00:00Z"}, ""},
		{"UTC", []string{"DTSTART:20261127T090000Z", "DURATION:PT2H"}, []string{"2026-11-27T09:00:00Z 2026-11-27T11:00:00Z"}, ""},
		{
			"every year, but one",
			[]string{"DTSTART;VALUE=DATE:20200501", "RRULE:FREQ=YEARLY", "EXDATE;VALUE=DATE:20260501,20280501"},
			[]string{"2027-04-30T22:00:00Z 2027-05-01T22:00:00Z", "2029-04-30T22:00:00Z 2029-05-01T22:00:00Z"}, "",
		},
		{
			"every week, over a change of the clock",
			[]string{"DTSTART;TZID=Europe/Berlin:20270321T020000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=3"},
			[]string{"2027-03-21T01:00:00Z 2027-03-21T02:00:00Z"}, "",
		},
		{"cancelled", []string{"DTSTART;VALUE=DATE:20261225", "STATUS:CANCELLED"}, nil, ""},
		{"no start", nil, nil, "it has no DTSTART"},
		{"a zone that is none", []string{"DTSTART;TZID=W. Europe Standard Time:20261127T090000"}, nil, "W. Europe Standard Time"},
		{"no date", []string{"DTSTART;VALUE=DATE:tomorrow"}, nil, "tomorrow"},
		{"a rule that is none", []string{"DTSTART;VALUE=DATE:20261225", "RRULE:FREQ=SOMETIMES"}, nil, "SOMETIMES"},
		{"further dates", []string{"DTSTART;VALUE=DATE:20261225", "RDATE;VALUE=DATE:20261231"}, nil, "RDATE"},
		{"every second", []string{"DTSTART:20200101T000000Z", "RRULE:FREQ=SECONDLY"}, nil, "more often than daily"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines := []string{"BEGIN:VCALENDAR", "BEGIN:VEVENT", "UID:1", "SUMMARY:Some days off"}
			lines = append(append(lines, tt.event...), "END:VEVENT", "END:VCALENDAR", "")
			spans, err := calendarSpans([]byte(strings.Join(lines, "\r\n")), berlin, now)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("got %v, wanted %q", err, tt.err)
			}
			if len(spans) < len(tt.spans) || len(tt.spans) == 0 && len(spans) > 0 {
				t.Fatalf("got %v, wanted %v", spans, tt.spans)
			}
			for i, want := range tt.spans {
				if got := inUTC(spans[i]); got != want {
					t.Errorf("got %s, wanted %s", got, want)
				}
			}
		})
	}
}

func inUTC(s policy.Span) string {
	return s.From.UTC().Format(time.RFC3339) + " " + s.Until.UTC().Format(time.RFC3339)
}

// Whatever a file holds, it is read or refused, soon.
func TestCalendarsThatAreBroken(t *testing.T) {
	const whole = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20200501\r\nDURATION:P1D\r\n" +
		"RRULE:FREQ=YEARLY;INTERVAL=2;BYMONTH=5;BYMONTHDAY=1;COUNT=90\r\nEXDATE;VALUE=DATE:20260501\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	rng := rand.New(rand.NewPCG(1, 2))
	read := 0
	for range 3000 {
		src := []byte(whole)
		for range 1 + rng.IntN(3) {
			at := rng.IntN(len(src))
			switch rng.IntN(3) {
			case 0:
				src[at] = "0123456789;:=,-\r\nAY"[rng.IntN(19)]
			case 1:
				src = append(src[:at], src[at+1:]...)
			default:
				src = src[:at+1]
			}
		}
		if spans, err := calendarSpans(src, time.UTC, now); err == nil && len(spans) > 0 {
			read++
		}
	}
	if read == 0 || read == 3000 {
		t.Errorf("%d of 3000 are read", read)
	}
}
