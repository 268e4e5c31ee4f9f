package service

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/policy"
)

// Policy is the rules that hold automation, or everybody, back.
type Policy struct {
	Zone        string    // of windows that name none; empty: UTC
	ZonePos     Pos       //
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
	Pos, ZonePos Pos
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

func (r *reader) policy(n *yaml.Node) {
	p := &Policy{}
	r.object(n, "policy", fields{
		"zone":        r.zone("zone of policy", &p.Zone, &p.ZonePos),
		"freezes":     func(n *yaml.Node) { p.Freezes = r.freezes("freezes", n) },
		"maintenance": func(n *yaml.Node) { p.Maintenance = r.freezes("maintenance", n) },
		"automation":  func(n *yaml.Node) { p.Automation = r.automation(n) },
	})
	r.cfg.Policy = p
}

// zone reads the name of a time zone. Whether it exists is not known here:
// [Config.Check] is told.
func (r *reader) zone(what string, into *string, at *Pos) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.text(what, into)(n)
		*at = posOf(n)
	}
}

func (r *reader) freezes(section string, n *yaml.Node) []*Freeze {
	var all []*Freeze
	r.entries(n, section+" of policy", func(k, v *yaml.Node) {
		f := &Freeze{Name: k.Value, Section: section, Pos: posOf(k)}
		what := section + "." + k.Value
		var w window
		known := fields{
			"reason":       r.text("reason of "+what, &f.Reason),
			"zone":         r.zone("zone of "+what, &f.Zone, &f.ZonePos),
			"calendar":     func(n *yaml.Node) { w.calendar = n; r.path("calendar of "+what, &f.Calendar)(n) },
			"days":         func(n *yaml.Node) { w.days = n; f.Days = r.days("days of "+what, n) },
			"from":         func(n *yaml.Node) { w.from = n; r.text("from of "+what, &w.fromText)(n) },
			"until":        func(n *yaml.Node) { w.until = n; r.text("until of "+what, &w.untilText)(n) },
			"services":     r.names("services of "+what, &f.Services, r.isService),
			"environments": r.names("environments of "+what, &f.Environments, r.isEnvironment),
		}
		if section == "freezes" {
			known["rollbacks"] = r.truth("rollbacks of "+what, &f.Rollbacks)
		}
		r.object(v, what, known)
		if v.Kind == yaml.MappingNode {
			r.window(what, f, w, posOf(v))
		}
		all = append(all, f)
	})
	return all
}

// window is the keys that say when, as they are written.
type window struct {
	calendar, days, from, until *yaml.Node
	fromText, untilText         string
}

const windowHint = `write calendar: /a/file.ics; or from: "09:00" and until: "18:00", with days: [mon, fri] if need be; or from: "2026-12-20" and until: "2027-01-04 06:00"`

func (r *reader) window(what string, f *Freeze, w window, at Pos) {
	if w.calendar != nil {
		if w.days != nil || w.from != nil || w.until != nil {
			r.addf(posOf(w.calendar), "bad-window", "keep the calendar, or the times", "%s has a calendar and times of its own", what)
		}
		return
	}
	if w.from == nil || w.until == nil {
		r.addf(at, "bad-window", windowHint, "%s does not say when", what)
		return
	}
	from, fromDay, ok := r.moment("from of "+what, w.from, w.fromText)
	until, untilDay, fine := r.moment("until of "+what, w.until, w.untilText)
	switch {
	case !ok || !fine:
	case fromDay != untilDay:
		r.addf(posOf(w.until), "bad-window", "write both with a day, or both without one", "%s begins at a time of another kind than that at which it ends", what)
	case !fromDay:
		f.From, f.Until = from.Clock, until.Clock
		if w.days == nil {
			f.Days = everyDay
		}
	case w.days != nil:
		r.addf(posOf(w.days), "bad-window", "remove days, or write times without a day", "%s comes once, and has days", what)
	case !before(from, until):
		r.addf(posOf(w.until), "bad-window", "write a later time", "%s ends before it begins", what)
	default:
		f.Once = &policy.Period{From: from, Until: until}
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
func (r *reader) moment(what string, n *yaml.Node, text string) (w policy.Wall, day, ok bool) {
	if text == "" {
		return w, false, false // it has been said why
	}
	for _, layout := range []string{"15:04", "2006-01-02", "2006-01-02 15:04"} {
		if t, err := time.Parse(layout, text); err == nil && t.Format(layout) == text {
			clock := policy.Clock(60*t.Hour() + t.Minute())
			return policy.Wall{Year: t.Year(), Month: t.Month(), Day: t.Day(), Clock: clock}, layout != "15:04", true
		}
	}
	r.addf(posOf(n), "bad-time", `write "18:00", "2026-12-20" or "2026-12-20 06:00"`, "%s: %.80q is no time", what, text)
	return w, false, false
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (r *reader) days(what string, n *yaml.Node) []time.Weekday {
	var words []string
	r.names(what, &words, func(word string, at Pos) {
		if !slices.Contains(weekdays, word) {
			r.addf(at, "bad-time", "days: "+strings.Join(weekdays, ", "), "%s: there is no day %.80q", what, word)
		}
	})(n)
	var out []time.Weekday
	for _, word := range words {
		if i := slices.Index(weekdays, word); i >= 0 {
			out = append(out, time.Weekday(i))
		}
	}
	return out
}

// names reads a list of words, each of them once, and hands each to check.
func (r *reader) names(what string, into *[]string, check func(word string, at Pos)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			r.addf(posOf(n), "wrong-type", "write [a, b]", "%s must be a list, not %s", what, kindOf(n))
			return
		}
		if len(n.Content) == 0 {
			r.addf(posOf(n), "empty", "name one, or remove the key", "%s is empty", what)
		}
		for _, item := range n.Content {
			var word string
			r.text("each of "+what, &word)(item)
			if word == "" {
				continue
			}
			*into = append(*into, word)
			check(word, posOf(item))
		}
	}
}

// isService and isEnvironment look, once everything is read, whether a rule is
// about something that there is.
func (r *reader) isService(name string, at Pos) {
	r.later = append(r.later, func() {
		if r.cfg.Services[name] == nil {
			var known []string
			for s := range r.cfg.Services {
				known = append(known, s)
			}
			r.addf(at, "unknown-service", hintFrom(name, "services", known), "the policy names service %.80q, which is not under services", name)
		}
	})
}

func (r *reader) isEnvironment(name string, at Pos) {
	r.later = append(r.later, func() {
		var known []string
		for _, s := range r.cfg.Services {
			known = append(known, s.Environment)
		}
		if !slices.Contains(known, name) {
			slices.Sort(known)
			r.addf(at, "unknown-service", hintFrom(name, "environments", slices.Compact(known)), "the policy names environment %.80q, in which no service is", name)
		}
	})
}

// zones finds time zones that do not exist.
func (p *problems) zones(policy *Policy, exists func(name string) bool) {
	look := func(name string, at Pos) {
		if name != "" && !exists(name) {
			p.addf(at, "bad-time", "write it as Europe/Berlin or UTC", "there is no time zone %.80q", name)
		}
	}
	look(policy.Zone, policy.ZonePos)
	for _, f := range slices.Concat(policy.Freezes, policy.Maintenance) {
		look(f.Zone, f.ZonePos)
	}
}

// Rule names a rule, and where it stands.
func (c *Config) Rule(at Pos, name string) string {
	return fmt.Sprintf("%s:%d %s", c.File, at.Line, name)
}
