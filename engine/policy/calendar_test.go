package policy

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

var everyDay = []time.Weekday{0, 1, 2, 3, 4, 5, 6}

func clock(hour, minute int) Clock { return Clock(60*hour + minute) }

// Each case says when a daily window opens and closes around a change of the
// clock, in UTC.
func TestWindowsWhereTheClockChanges(t *testing.T) {
	tests := []struct {
		name, zone  string
		from, until Clock
		at          string // when it is looked at
		open        bool
		next        string // when that changes
	}{
		{"a plain day", "Europe/Berlin", clock(9, 0), clock(18, 0), "2026-11-27T07:59:59Z", false, "2026-11-27T08:00:00Z"},
		{"its first instant", "Europe/Berlin", clock(9, 0), clock(18, 0), "2026-11-27T08:00:00Z", true, "2026-11-27T17:00:00Z"},
		{"its last instant", "Europe/Berlin", clock(9, 0), clock(18, 0), "2026-11-27T16:59:59.999Z", true, "2026-11-27T17:00:00Z"},
		{"its end", "Europe/Berlin", clock(9, 0), clock(18, 0), "2026-11-27T17:00:00Z", false, "2026-11-28T08:00:00Z"},
		{"over midnight, in the evening", "Europe/Berlin", clock(22, 0), clock(6, 0), "2026-11-27T22:30:00Z", true, "2026-11-28T05:00:00Z"},
		{"over midnight, in the morning", "Europe/Berlin", clock(22, 0), clock(6, 0), "2026-11-28T04:00:00Z", true, "2026-11-28T05:00:00Z"},
		{"the day before the clock goes forward", "Europe/Berlin", clock(9, 0), clock(18, 0), "2026-03-28T17:00:00Z", false, "2026-03-29T07:00:00Z"},
		{"begins in the hour that is left out", "Europe/Berlin", clock(2, 30), clock(4, 0), "2026-03-29T00:00:00Z", false, "2026-03-29T01:00:00Z"},
		{"that hour is over at once", "Europe/Berlin", clock(2, 30), clock(4, 0), "2026-03-29T01:00:00Z", true, "2026-03-29T02:00:00Z"},
		{"ends in the hour that is left out", "Europe/Berlin", clock(1, 0), clock(2, 30), "2026-03-29T00:30:00Z", true, "2026-03-29T01:00:00Z"},
		{"is that hour: not on that day", "Europe/Berlin", clock(2, 0), clock(3, 0), "2026-03-28T02:00:00Z", false, "2026-03-30T00:00:00Z"},
		{"begins in the hour that comes twice", "Europe/Berlin", clock(2, 30), clock(4, 0), "2026-10-25T00:00:00Z", false, "2026-10-25T00:30:00Z"},
		{"goes on through its second time", "Europe/Berlin", clock(2, 30), clock(4, 0), "2026-10-25T01:15:00Z", true, "2026-10-25T03:00:00Z"},
		{"ends in the hour that comes twice", "Europe/Berlin", clock(1, 0), clock(2, 30), "2026-10-25T00:45:00Z", true, "2026-10-25T01:30:00Z"},
		{"is that hour: both times", "Europe/Berlin", clock(2, 0), clock(3, 0), "2026-10-25T00:00:00Z", true, "2026-10-25T02:00:00Z"},
		{"forward, in America", "America/New_York", clock(2, 15), clock(8, 0), "2026-03-08T06:59:00Z", false, "2026-03-08T07:00:00Z"},
		{"back, in America", "America/New_York", clock(1, 30), clock(1, 45), "2026-11-01T05:40:00Z", true, "2026-11-01T06:45:00Z"},
		{"half an hour forward", "Australia/Lord_Howe", clock(2, 15), clock(5, 0), "2026-10-03T15:20:00Z", false, "2026-10-03T15:30:00Z"},
		{"half an hour back", "Australia/Lord_Howe", clock(1, 45), clock(5, 0), "2026-04-04T14:44:00Z", false, "2026-04-04T14:45:00Z"},
		{"midnight is left out", "America/Santiago", clock(0, 0), clock(6, 0), "2026-09-06T03:59:00Z", false, "2026-09-06T04:00:00Z"},
		{"a day is left out", "Pacific/Apia", clock(9, 0), clock(18, 0), "2011-12-30T05:00:00Z", false, "2011-12-30T19:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := Window{Zone: zone(t, tt.zone), Days: everyDay, From: tt.from, Until: tt.until}
			open, next := w.At(at(t, tt.at))
			if open != tt.open || !next.Equal(at(t, tt.next)) {
				t.Errorf("got %t until %s, wanted %t until %s", open, next.UTC().Format(time.RFC3339), tt.open, tt.next)
			}
		})
	}
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestWindowsOfDays(t *testing.T) {
	w := Window{Zone: zone(t, "Europe/Berlin"), Days: []time.Weekday{time.Friday, time.Saturday}, From: clock(18, 0), Until: clock(0, 0)}
	for from, want := range map[string]string{
		"2026-11-27T16:00:00Z": "2026-11-27T17:00:00Z", // before it, on a Friday
		"2026-11-27T17:00:00Z": "2026-11-27T23:00:00Z", // until midnight
		"2026-11-28T23:00:00Z": "2026-12-04T17:00:00Z", // after Saturday
	} {
		if _, next := w.At(at(t, from)); !next.Equal(at(t, want)) {
			t.Errorf("at %s: got %s, wanted %s", from, next.UTC(), want)
		}
	}
	whole := Window{Zone: w.Zone, Days: []time.Weekday{time.Saturday, time.Sunday}} // from midnight to midnight
	if open, next := whole.At(at(t, "2026-11-28T12:00:00Z")); !open || !next.Equal(at(t, "2026-11-29T23:00:00Z")) {
		t.Errorf("a weekend: %t until %s", open, next.UTC())
	}
	never := Window{Zone: w.Zone, Spans: []Span{{at(t, "2026-01-01T00:00:00Z"), at(t, "2026-01-01T00:00:00Z")}}}
	if open, next := never.At(at(t, "2026-01-01T00:00:00Z")); open || !next.IsZero() {
		t.Errorf("an empty span: %t until %s", open, next)
	}
}

func TestWindowsThatComeOnce(t *testing.T) {
	w := Window{Zone: zone(t, "Europe/Berlin"), Once: &Period{
		From: Wall{2026, time.December, 20, 0}, Until: Wall{2027, time.January, 4, clock(6, 0)},
	}}
	for from, want := range map[string]struct {
		open bool
		next string
	}{
		"2026-12-19T22:59:00Z": {false, "2026-12-19T23:00:00Z"},
		"2026-12-19T23:00:00Z": {true, "2027-01-04T05:00:00Z"},
		"2027-01-04T05:00:00Z": {false, ""},
	} {
		open, next := w.At(at(t, from))
		if open != want.open || next.IsZero() != (want.next == "") || !next.IsZero() && !next.Equal(at(t, want.next)) {
			t.Errorf("at %s: got %t until %s, wanted %+v", from, open, next.UTC(), want)
		}
	}
}

func TestSpansOfACalendar(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	day := func(text string) time.Time { return at(t, text+"T00:00:00Z") }
	w := Window{Zone: berlin, Spans: []Span{
		Days(day("2026-12-26"), day("2026-12-27"), berlin), Days(day("2026-12-25"), day("2026-12-26"), berlin),
		Days(day("2026-10-25"), day("2026-10-26"), berlin),
	}}
	if open, next := w.At(at(t, "2026-12-24T23:00:00Z")); !open || !next.Equal(at(t, "2026-12-26T23:00:00Z")) {
		t.Errorf("days that touch: %t until %s", open, next.UTC())
	}
	if open, next := w.At(at(t, "2026-10-24T22:00:00Z")); !open || !next.Equal(at(t, "2026-10-25T23:00:00Z")) {
		t.Errorf("a day of 25 hours: %t until %s", open, next.UTC())
	}
}

// Whatever the window, zone and time: what the wall shows decides, but for the
// hours around a change of the clock; and nothing changes before it is said to.
func TestWindowsAgreeWithTheWall(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca"}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		w := Window{Zone: zone(t, zones[rng.IntN(len(zones))]), From: Clock(rng.IntN(24 * 60)), Until: Clock(rng.IntN(24 * 60))}
		for _, d := range everyDay {
			if rng.IntN(2) == 0 {
				w.Days = append(w.Days, d)
			}
		}
		if len(w.Days) == 0 {
			continue
		}
		now := at(t, "2009-06-01T00:00:00Z").Add(time.Duration(rng.Int64N(int64(20*365*24*time.Hour)/int64(time.Minute))) * time.Minute)
		open, until := w.At(now)
		if shown := onTheWall(w, now); shown != open && !nearChange(now.In(w.Zone)) {
			t.Fatalf("%+v at %s: open %t, and the wall says %t", w, now.In(w.Zone), open, shown)
		}
		if !until.After(now) {
			t.Fatalf("%+v at %s: until %s", w, now.In(w.Zone), until)
		}
		between := now.Add(time.Duration(rng.Int64N(int64(until.Sub(now)))))
		if same, again := w.At(between); same != open || !again.Equal(until) && again.Sub(between) < horizon*24*time.Hour/2 {
			t.Fatalf("%+v at %s: %t until %s; at %s it is %t until %s", w, now.In(w.Zone), open, until, between, same, again)
		}
	}
}

// onTheWall is what somebody would say who looks at a clock and a calendar.
func onTheWall(w Window, t time.Time) bool {
	local := t.In(w.Zone)
	c := clock(local.Hour(), local.Minute())
	today := slices.Contains(w.Days, local.Weekday())
	yesterday := slices.Contains(w.Days, (local.Weekday()+6)%7)
	if w.From < w.Until {
		return today && w.From <= c && c < w.Until
	}
	return today && w.From <= c || yesterday && c < w.Until
}

// nearChange reports whether the clock changes within a day of a time.
func nearChange(t time.Time) bool {
	_, before := t.Add(-26 * time.Hour).Zone()
	_, after := t.Add(26 * time.Hour).Zone()
	return before != after
}

func TestStanding(t *testing.T) {
	utc := Window{Zone: time.UTC, Days: everyDay, From: clock(9, 0), Until: clock(17, 0)}
	night := Window{Zone: time.UTC, Days: everyDay, From: clock(22, 0), Until: clock(6, 0)}
	all := []Freeze{{Rule: "day", Window: utc, Services: []string{"api"}}, {Rule: "night", Window: night, Automation: true}}
	stand, next := Standing(all, at(t, "2026-11-27T12:00:00Z"))
	if len(stand) != 1 || stand[0].Rule != "day" || !stand[0].Until.Equal(at(t, "2026-11-27T17:00:00Z")) || !next.Equal(stand[0].Until) {
		t.Errorf("at noon: %+v, next %s", stand, next)
	}
	if stand, next := Standing(all, at(t, "2026-11-27T18:00:00Z")); len(stand) != 0 || !next.Equal(at(t, "2026-11-27T22:00:00Z")) {
		t.Errorf("in the evening: %+v, next %s", stand, next)
	}
	if _, next := Standing(nil, at(t, "2026-11-27T18:00:00Z")); !next.IsZero() {
		t.Errorf("no rules: next %s", next)
	}
	if !all[0].Holds("api", false) || all[0].Holds("shop", true) || !all[1].Holds("shop", true) || all[1].Holds("shop", false) {
		t.Error("a freeze holds back what it should not, or the other way round")
	}
}
