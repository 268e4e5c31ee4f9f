package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
	_ "time/tzdata" // a machine without time zones freezes at the same time as another

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
			Rule: config.Rule(f.Pos, f.Section+"."+f.Name), Reason: f.Reason, Services: config.Concerns(f),
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
	freezes []policy.Freeze
}

func newRules(config *service.Config, now time.Time) (*rules, error) {
	all, err := freezes(config, now)
	return &rules{freezes: all}, err
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

// policy tells what the rules say of a time.
func (o *owner) policy(_ context.Context, at time.Time) (server.PolicyView, error) {
	if o.ruled != nil {
		return server.PolicyView{}, o.ruled
	}
	return o.rules.view(at), nil
}
