package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
	_ "time/tzdata" // a machine without time zones freezes at the same time as another

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/policy"
	"github.com/firebreak-ops/firebreak/engine/service"
	"github.com/firebreak-ops/firebreak/server"
)

// isZone reports whether a time zone is known.
func isZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil && name != "Local"
}

// freezes are the rules of a configuration that hold changes back at some
// times. It reads their calendars.
func freezes(config *service.Config, now time.Time) ([]policy.Freeze, error) {
	p := config.Policy
	if p == nil {
		return nil, nil
	}
	var out []policy.Freeze
	var bad []error
	for _, f := range slices.Concat(p.Freezes, p.Maintenance) {
		zone, err := time.LoadLocation(cmp.Or(f.Zone, p.Zone)) // the empty name is UTC
		if err != nil {
			return nil, err
		}
		rule := policy.Freeze{
			Rule: config.Rule(f.Pos, "policy."+f.Section+"."+f.Name), Reason: f.Reason, Services: config.Concerns(f.Services, f.Environments),
			Rollbacks: f.Rollbacks, Automation: f.Section == "maintenance",
			Window: policy.Window{Zone: zone, Once: f.Once, Days: f.Days, From: f.From, Until: f.Until},
		}
		if f.Calendar != "" {
			if rule.Window.Spans, err = readCalendar(f.Calendar, zone, now); err != nil {
				bad = append(bad, fail(exitProblems, "correct the file, or name another in firebreak.yaml", "%s: %w", rule.Rule, err))
			}
		}
		out = append(out, rule)
	}
	return out, errors.Join(bad...)
}

func readCalendar(file string, zone *time.Location, now time.Time) ([]policy.Span, error) {
	src, err := readFile(file)
	if err != nil {
		return nil, err
	}
	return calendarSpans(src, zone, now)
}

// rules are those of a configuration, with what they read besides it.
type rules struct {
	freezes    []policy.Freeze
	automation policy.Automation
	bounded    bool // automation is
}

func newRules(config *service.Config, now time.Time) (*rules, error) {
	all, err := freezes(config, now)
	r := &rules{freezes: all}
	if p := config.Policy; p != nil && p.Automation != nil {
		r.automation, r.bounded = automation(config, p.Automation), true
	}
	return r, err
}

// automation are the rules for runs that no person has started.
func automation(config *service.Config, a *service.Automation) policy.Automation {
	rule := func(b *service.Bound, name string) string { return config.Rule(b.Pos, "policy.automation."+name) }
	var out policy.Automation
	for _, s := range a.Shadow {
		out.Shadows = append(out.Shadows, policy.Shadow{
			Rule: config.Rule(s.Pos, "policy.automation.shadow"), Runbook: s.Runbook, Services: config.Concerns(s.Services, s.Environments),
		})
	}
	if b := a.ReadOnly; b != nil {
		out.ReadOnly = &policy.ReadOnly{Rule: rule(b, "read_only"), Services: b.Most}
	}
	if b := a.Breaker; b != nil {
		out.Breaker = &policy.Breaker{Rule: rule(b, "breaker"), Failures: b.Most, For: b.Time}
	}
	if b := a.Rate; b != nil {
		out.Rate = &policy.Rate{Rule: rule(b, "rate"), Runs: b.Most, Per: b.Time}
	}
	if b := a.Budget; b != nil {
		out.Budget = &policy.Budget{Rule: rule(b, "budget"), Changes: b.Most, Per: b.Time}
	}
	return out
}

// standing are the freezes that stand at a time, and when to look again.
func (r *rules) standing(at time.Time) ([]policy.Frozen, time.Time) {
	return policy.Standing(r.freezes, at)
}

// view is what the rules say of a time.
func (r *rules) view(at time.Time) server.PolicyView {
	v := server.PolicyView{At: at, Freezes: []server.FreezeView{}}
	for _, f := range r.freezes {
		stands, until := f.Window.At(at)
		v.Freezes = append(v.Freezes, server.FreezeView{
			Rule: f.Rule, Reason: f.Reason, Stands: stands, Until: until, Services: f.Services, Rollbacks: f.Rollbacks, Automation: f.Automation,
		})
	}
	return v
}

// now is what the rules for automation say now, after some runs and while so
// many services alert.
func (r *rules) now(past []policy.Past, alerting int, now time.Time) *server.AutomationView {
	a := r.automation
	v := &server.AutomationView{Held: []server.HeldView{}, Shadows: []server.ShadowView{}}
	for _, p := range pairs(past) {
		held := server.HeldView{Runbook: p.Runbook, Service: p.Service}
		if a.Breaker != nil {
			if until := a.Breaker.Open(p.Runbook, p.Service, past, now); !until.IsZero() {
				held.Kind, held.Rule, held.Until = policy.BarBreaker, a.Breaker.Rule, until
				v.Held = append(v.Held, held)
			}
		}
		if a.Rate != nil {
			if until := a.Rate.Full(p.Runbook, p.Service, past, now); !until.IsZero() {
				held.Kind, held.Rule, held.Until = policy.BarRate, a.Rate.Rule, until
				v.Held = append(v.Held, held)
			}
		}
	}
	if b := a.Budget; b != nil {
		v.Budget = &server.BudgetView{Rule: b.Rule, Changes: b.Changes, PerSeconds: b.Per.Seconds(), Left: max(b.Left(past, now), 0)}
	}
	if o := a.ReadOnly; o != nil {
		v.ReadOnly = &server.ReadOnlyView{Rule: o.Rule, Services: o.Services, Alerting: alerting, Stands: alerting > o.Services}
	}
	for _, s := range policy.Scores(past) {
		v.Shadows = append(v.Shadows, server.ShadowView(s))
	}
	return v
}

// pairs are the runbooks and services of some runs, each pair once.
func pairs(past []policy.Past) []policy.Past {
	var out []policy.Past
	for _, p := range past {
		if !slices.ContainsFunc(out, func(q policy.Past) bool { return q.Runbook == p.Runbook && q.Service == p.Service }) {
			out = append(out, p)
		}
	}
	return out
}

// policy tells what the rules say of a time; zero: now, with what automation
// may do.
func (o *owner) policy(ctx context.Context, at time.Time) (server.PolicyView, error) {
	if o.ruled != nil {
		return server.PolicyView{}, o.ruled
	}
	now := time.Now()
	if !at.IsZero() {
		return o.rules.view(at), nil
	}
	v := o.rules.view(now)
	if !o.rules.bounded {
		return v, nil
	}
	past, alerting, err := o.past(ctx, now, max(o.rules.automation.Horizon(), shadowsShown), "")
	v.Automation = o.rules.now(past, alerting, now)
	return v, err
}

// For how long runs in shadow are shown, and alerts count that go on.
const (
	shadowsShown = 30 * 24 * time.Hour
	alertCounts  = time.Hour
)

// past are the runs of some time, but for one, and how many services alert now.
func (o *owner) past(ctx context.Context, now time.Time, since time.Duration, but string) ([]policy.Past, int, error) {
	heads, err := o.store.Heads(ctx, local.Filter{Since: now.Add(-since)})
	if err != nil {
		return nil, 0, err
	}
	past := make([]policy.Past, 0, len(heads))
	for _, h := range heads {
		if h.ID == but {
			continue
		}
		past = append(past, policy.Past{
			Runbook: h.Runbook, Service: h.Service, Automatic: h.Requester.Automatic(), Bar: h.Bar, Word: string(h.Word),
			Changed: h.Changed, May: h.May, Began: h.StartedAt, FirstChange: h.ChangedAt, Ended: h.EndedAt,
		})
	}
	if o.rules.automation.ReadOnly == nil {
		return past, 0, nil
	}
	alerting, err := o.store.Alerting(ctx, now.Add(-alertCounts))
	return past, alerting, err
}

// bar says why a run of automation may not change anything; nil: it may.
func (o *owner) bar(ctx context.Context, f engine.Facts, changes int) (*engine.Bar, error) {
	if !o.rules.bounded {
		return nil, nil
	}
	now := time.Now()
	past, alerting, err := o.past(ctx, now, o.rules.automation.Horizon(), f.ID)
	if err != nil {
		return nil, err
	}
	bar := o.rules.automation.Bar(policy.Wish{Runbook: f.Runbook, Service: f.Service, Changes: changes}, past, alerting, now)
	if bar == nil {
		return nil, nil
	}
	return &engine.Bar{Class: bar.Class, Reason: bar.Reason, Page: bar.Page}, nil
}
