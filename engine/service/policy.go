package service

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/engine/policy"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Policy is the rules that hold automation, or everybody, back.
type Policy struct {
	Zone        string // of windows that name none; empty: UTC
	ZonePos     runbook.Pos
	Freezes     []*Freeze // in the order written
	Maintenance []*Freeze
	Automation  *Automation // nil: it is not bounded
}

// Freeze is a rule that holds changes back at some times: those of a calendar,
// a period that comes once, or hours of days.
type Freeze struct {
	Name         string
	Section      string // freezes or maintenance
	Reason       string
	Zone         string // empty: that of the policy
	Calendar     string // an iCalendar file, absolute; empty: none
	Once         *policy.Period
	Days         []time.Weekday
	From, Until  policy.Clock // on these days
	Services     []string     // empty, and no environments: everything
	Environments []string
	Rollbacks    bool
	Pos, ZonePos runbook.Pos
}

// Concerns lists the services that a rule is about which names these services
// and environments; nil: everything.
func (c *Config) Concerns(services, environments []string) []string {
	if len(services) == 0 && len(environments) == 0 {
		return nil
	}
	out := slices.Clone(services)
	for name, s := range c.Services {
		if slices.Contains(environments, s.Environment) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (r *reader) policy(f runbook.Fields) {
	f, ok := r.within(f, "policy", policyShape)
	if !ok {
		return
	}
	r.cfg.Policy = &Policy{
		Zone: f.Text("zone"), ZonePos: f.At("zone"),
		Freezes:     r.freezes(f, "freezes", freezeShape),
		Maintenance: r.freezes(f, "maintenance", windowShape),
		Automation:  r.automation(f),
	}
}

// freezes reads rules. Whether their time zones exist is not known here:
// [Config.Check] is told.
func (r *reader) freezes(f runbook.Fields, section string, shape *runbook.Shape) []*Freeze {
	var all []*Freeze
	for _, e := range f.Entries(section) {
		f, ok := r.file.Fields(e.Node, shape)
		freeze := &Freeze{
			Name: e.Name, Section: section, Pos: e.Pos,
			Reason: f.Text("reason"), Zone: f.Text("zone"), ZonePos: f.At("zone"), Calendar: f.Text("calendar"), Days: days(f),
			Services: r.serviceNames(f), Environments: r.environments(f), Rollbacks: f.Flag("rollbacks"),
		}
		if ok {
			r.window(section+"."+e.Name, freeze, f, runbook.PosOf(e.Node))
		}
		all = append(all, freeze)
	}
	return all
}

const windowHint = `write calendar: /a/file.ics; or from: "09:00" and until: "18:00", with days: [mon, fri] if need be; or from: "2026-12-20" and until: "2027-01-04 06:00"`

// window reads when a rule holds.
func (r *reader) window(what string, freeze *Freeze, f runbook.Fields, at runbook.Pos) {
	if f.Has("calendar") {
		if f.Has("days") || f.Has("from") || f.Has("until") {
			r.addf(f.At("calendar"), "bad-window", "keep the calendar, or the times", "%s has a calendar and times of its own", what)
		}
		return
	}
	if !f.Has("from") || !f.Has("until") {
		r.addf(at, "bad-window", windowHint, "%s does not say when", what)
		return
	}
	from, fromDay, ok := r.moment(f, "from")
	until, untilDay, fine := r.moment(f, "until")
	switch {
	case !ok || !fine:
	case fromDay != untilDay:
		r.addf(f.At("until"), "bad-window", "write both with a day, or both without one", "%s begins at a time of another kind than that at which it ends", what)
	case !fromDay:
		freeze.From, freeze.Until = from.Clock, until.Clock
		if !f.Has("days") {
			freeze.Days = everyDay
		}
	case f.Has("days"):
		r.addf(f.At("days"), "bad-window", "remove days, or write times without a day", "%s comes once, and has days", what)
	case !before(from, until):
		r.addf(f.At("until"), "bad-window", "write a later time", "%s ends before it begins", what)
	default:
		freeze.Once = &policy.Period{From: from, Until: until}
	}
}

var everyDay = []time.Weekday{
	time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday,
}

func before(a, b policy.Wall) bool {
	at := func(w policy.Wall) time.Time {
		return time.Date(w.Year, w.Month, w.Day, 0, int(w.Clock), 0, 0, time.UTC)
	}
	return at(a).Before(at(b))
}

// moment reads a time of day, or a day and maybe a time of it.
func (r *reader) moment(f runbook.Fields, key string) (w policy.Wall, day, ok bool) {
	text := f.Text(key)
	if text == "" {
		return w, false, false // it has been said why
	}
	for _, layout := range []string{"15:04", "2006-01-02", "2006-01-02 15:04"} {
		if t, err := time.Parse(layout, text); err == nil && t.Format(layout) == text {
			clock := policy.Clock(60*t.Hour() + t.Minute())
			return policy.Wall{Year: t.Year(), Month: t.Month(), Day: t.Day(), Clock: clock}, layout != "15:04", true
		}
	}
	r.addf(f.At(key), "bad-time", `write "18:00", "2026-12-20" or "2026-12-20 06:00"`, "%s: %.80q is no time", key, text)
	return w, false, false
}

// weekdays are the words for days, Sunday first as in [time.Weekday].
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func days(f runbook.Fields) []time.Weekday {
	words, _ := f.Value("days").([]string)
	var all []time.Weekday
	for _, word := range words {
		all = append(all, time.Weekday(slices.Index(weekdays, word)))
	}
	return all
}

// serviceNames reads the services that a rule is about, which must be there
// once everything is read.
func (r *reader) serviceNames(f runbook.Fields) []string {
	words := f.Words("services")
	r.later = append(r.later, func() {
		known := slices.Collect(maps.Keys(r.cfg.Services))
		for _, w := range words {
			if !slices.Contains(known, w.Text) {
				r.addf(w.Pos, "unknown-service", suggest(w.Text, known, "add it under services"), "the policy names service %.80q, which is not under services", w.Text)
			}
		}
	})
	return texts(words)
}

// environments reads the environments that a rule is about, likewise.
func (r *reader) environments(f runbook.Fields) []string {
	words := f.Words("environments")
	r.later = append(r.later, func() {
		var known []string
		for _, s := range r.cfg.Services {
			known = append(known, s.Environment)
		}
		slices.Sort(known)
		known = slices.Compact(known)
		for _, w := range words {
			if !slices.Contains(known, w.Text) {
				r.addf(w.Pos, "unknown-service", suggest(w.Text, known, "name one that a service has"), "the policy names environment %.80q, in which no service is", w.Text)
			}
		}
	})
	return texts(words)
}

// zones finds time zones that do not exist.
func (r *reader) zones(policy *Policy, exists func(name string) bool) {
	look := func(name string, at runbook.Pos) {
		if name != "" && !exists(name) {
			r.addf(at, "bad-time", "write it as Europe/Berlin or UTC", "there is no time zone %.80q", name)
		}
	}
	look(policy.Zone, policy.ZonePos)
	for _, f := range slices.Concat(policy.Freezes, policy.Maintenance) {
		look(f.Zone, f.ZonePos)
	}
}

// Rule names a rule, and where it stands.
func (c *Config) Rule(at runbook.Pos, name string) string {
	return fmt.Sprintf("%s:%d %s", c.File, at.Line, name)
}
