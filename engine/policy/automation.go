package policy

import (
	"fmt"
	"slices"
	"time"
)

// Automation is what bounds the runs that no person has started. Each rule may
// be missing; with none, nothing does.
type Automation struct {
	Shadows  []Shadow
	ReadOnly *ReadOnly
	Breaker  *Breaker
	Rate     *Rate
	Budget   *Budget
}

// Shadow lets runs do all but the changes.
type Shadow struct {
	Rule     string
	Runbook  string   // empty: any
	Services []string // empty: any
}

// ReadOnly lets runs do all but the changes while many services alert at once:
// then what watches them is broken, or what is between them.
type ReadOnly struct {
	Rule     string
	Services int // more than these
}

// Breaker keeps a runbook from a service on which it has failed several times
// in a row, until some time after the last of them.
type Breaker struct {
	Rule     string
	Failures int
	For      time.Duration
}

// Rate bounds how often a runbook changes one service.
type Rate struct {
	Rule string
	Runs int
	Per  time.Duration
}

// Budget bounds the changes of all runs of everybody; those that people have
// started count, and are not held back.
type Budget struct {
	Rule    string
	Changes int
	Per     time.Duration
}

// The kinds of rule that bar a run from changing anything.
const (
	BarShadow   = "shadow"
	BarReadOnly = "read_only"
	BarBreaker  = "breaker"
	BarRate     = "rate"
	BarBudget   = "budget"
)

// Bar is why a run may not change anything.
type Bar struct {
	Class  string
	Reason string // the rule, and the way past it
	Page   bool   // somebody is to be woken
}

// Past is a run, as the rules see it.
type Past struct {
	Runbook, Service string
	Automatic        bool
	Bar              string // that it was under
	Word             string // how it ended; empty: it goes on
	Changed          int    // changes that it has begun
	May              int    // that it may begin yet, at most; 0 until it has begun one
	Began, Ended     time.Time
	FirstChange      time.Time // when it began its first change; zero: it has not
}

// Wish is a run that asks whether it may change something.
type Wish struct {
	Runbook, Service string
	Changes          int // that it may make, at most, of which it is about to begin the first; 0: it only begins
}

// Horizon is how far back the rules look.
func (a Automation) Horizon() time.Duration {
	d := pageAgain
	if a.Breaker != nil {
		d = max(d, a.Breaker.For)
	}
	if a.Rate != nil {
		d = max(d, a.Rate.Per)
	}
	if a.Budget != nil {
		d = max(d, a.Budget.Per)
	}
	return d
}

// pageAgain is how long after a run was barred because many services alert
// nobody is woken again for that.
const pageAgain = 30 * time.Minute

// Bar says why a run may not change anything, or nil. past are the other runs
// of at least the [Automation.Horizon]; alerting is how many services do.
//
// A run is asked about as it begins, when those before it that may yet change
// something count; and as it is about to begin its first change, when only those
// do that have begun one, each with all that it may yet make. So that those that
// began together make no more than a rule allows, whichever comes first.
func (a Automation) Bar(w Wish, past []Past, alerting int, now time.Time) *Bar {
	runbook, service := w.Runbook, w.Service
	byHand := "; to do it all the same, start it yourself: firebreak run " + runbook
	for _, s := range a.Shadows {
		if s.about(runbook, service) {
			return &Bar{Class: BarShadow, Reason: s.Rule + ": runs of automation change nothing here" + byHand}
		}
	}
	if r := a.ReadOnly; r != nil && alerting > r.Services {
		return &Bar{
			Class: BarReadOnly, Page: !slices.ContainsFunc(past, func(p Past) bool { return p.Bar == BarReadOnly && now.Sub(p.last()) < pageAgain }),
			Reason: fmt.Sprintf("%s: %d services alert at once, more than %d, so what watches them may be broken%s", r.Rule, alerting, r.Services, byHand),
		}
	}
	if b := a.Breaker; b != nil {
		if until := b.Open(runbook, service, past, now); !until.IsZero() {
			return &Bar{Class: BarBreaker, Reason: fmt.Sprintf("%s: it has failed here %d times in a row; it may try again at %s, or once a run that a person has started went well%s",
				b.Rule, b.Failures, stamp(until), byHand)}
		}
	}
	if w.Changes > 0 {
		past = slices.DeleteFunc(slices.Clone(past), Past.waits)
	}
	if r := a.Rate; r != nil {
		if until := r.Full(runbook, service, past, now); !until.IsZero() {
			return &Bar{Class: BarRate, Reason: fmt.Sprintf("%s: it has changed this %d times within %s; the next may at %s%s", r.Rule, r.Runs, r.Per, stamp(until), byHand)}
		}
	}
	if b := a.Budget; b != nil {
		if left := b.Left(past, now); left < max(w.Changes, 1) {
			reason := fmt.Sprintf("%s: all runs together have begun, or may yet, %d changes within %s", b.Rule, b.Changes-left, b.Per)
			if left > 0 {
				reason += fmt.Sprintf(", %d are left, and this run may make %d", left, w.Changes)
			}
			return &Bar{Class: BarBudget, Reason: reason + byHand}
		}
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

func (s Shadow) about(runbook, service string) bool {
	return (s.Runbook == "" || s.Runbook == runbook) && (len(s.Services) == 0 || slices.Contains(s.Services, service))
}

// waits reports whether a run goes on that has begun no change.
func (p Past) waits() bool { return p.Word == "" && p.FirstChange.IsZero() }

// last is when something was last known of a run.
func (p Past) last() time.Time {
	if p.Ended.After(p.Began) {
		return p.Ended
	}
	return p.Began
}

// at is when a run counts for a rate: when it began to change something, or
// when it began, while it may yet.
func (p Past) at() time.Time {
	if p.FirstChange.IsZero() {
		return p.Began
	}
	return p.FirstChange
}

// counts reports whether a run is one that automation has begun, and that
// changed something or may yet.
func (p Past) counts() bool {
	return p.Automatic && p.Bar == "" && (p.Word == "" || p.Changed > 0)
}

// Open is until when a runbook is kept from a service; zero: it is not. A run
// that went well, whoever has started it, closes the breaker; one that had
// nothing to do, or that people ended, says nothing.
func (b *Breaker) Open(runbook, service string, past []Past, now time.Time) time.Time {
	past = slices.SortedFunc(slices.Values(past), func(x, y Past) int { return y.Ended.Compare(x.Ended) })
	failures, last := 0, time.Time{}
	for _, p := range past {
		if p.Runbook != runbook || p.Service != service || p.Bar != "" || p.Word == "" {
			continue
		}
		switch p.Word {
		case "succeeded":
			return time.Time{}
		case "failed_clean", "failed_dirty":
			if !p.Automatic {
				continue
			}
			if failures++; failures == 1 {
				last = p.Ended
			}
		}
		if failures == b.Failures {
			if until := last.Add(b.For); until.After(now) {
				return until
			}
			return time.Time{}
		}
	}
	return time.Time{}
}

// Full is when the next run of a runbook may change a service; zero: now.
func (r *Rate) Full(runbook, service string, past []Past, now time.Time) time.Time {
	var began []time.Time
	for _, p := range past {
		if p.Runbook == runbook && p.Service == service && p.counts() && p.at().Add(r.Per).After(now) {
			began = append(began, p.at())
		}
	}
	if len(began) < r.Runs {
		return time.Time{}
	}
	slices.SortFunc(began, time.Time.Compare)
	return began[len(began)-r.Runs].Add(r.Per)
}

// Left is how many changes may yet begin. A run that may change something and
// has not yet counts as one; one that has begun to counts with all that it may
// yet make.
func (b *Budget) Left(past []Past, now time.Time) int {
	left := b.Changes
	for _, p := range past {
		switch {
		case p.Word != "" && !p.Ended.Add(b.Per).After(now):
		case p.waits() && p.counts():
			left--
		default:
			left -= p.Changed + p.May
		}
	}
	return left
}

// soon is how long after a run in shadow people have to do the same.
const soon = 2 * time.Hour

// Score is how often runs in shadow would have changed something, and how
// often people then did the same.
type Score struct {
	Runbook, Service string
	Would, Same      int
}

// Scores counts, by runbook and service in the order in which they come.
func Scores(past []Past) []Score {
	var out []Score
	for _, p := range past {
		if p.Bar != BarShadow || p.Word != "refused" {
			continue
		}
		i := slices.IndexFunc(out, func(s Score) bool { return s.Runbook == p.Runbook && s.Service == p.Service })
		if i < 0 {
			i = len(out)
			out = append(out, Score{Runbook: p.Runbook, Service: p.Service})
		}
		out[i].Would++
		if slices.ContainsFunc(past, func(by Past) bool { return by.same(p) }) {
			out[i].Same++
		}
	}
	return out
}

// same reports whether a person did what a run in shadow would have done.
func (p Past) same(shadow Past) bool {
	return !p.Automatic && p.Runbook == shadow.Runbook && p.Service == shadow.Service && p.Word == "succeeded" && p.Changed > 0 &&
		!p.Began.Before(shadow.Began) && p.Began.Sub(shadow.Began) < soon
}
