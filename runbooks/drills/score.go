package drills

import (
	"math"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/runbooks/drills/practice"
)

// Observation is all that was seen of a drill. A zero time never came.
type Observation struct {
	Injected, Alerted, CauseFound, RolledBack, Healthy, Resolved time.Time

	RaisedBy string // the alert: drill or prometheus

	Cause  string
	Ended  string // the run's word
	People []Interval
	Load   practice.Record
}

// Interval is a time that people took.
type Interval struct{ From, To time.Time }

// Score judges an observation. It is a pure function.
func Score(s *Scenario, o Observation) Result {
	alert := scoreAlert(o)
	people := func(from, to time.Time) time.Duration { return overlap(o.People, from, to) }
	r := Result{
		Type:   "drill_finished",
		Passed: o.Cause == s.Expect.Cause && o.Ended == s.Expect.Ends && !o.Healthy.IsZero() && (alert.By != "prometheus" || alert.Resolved != nil),
		Cause:  o.Cause,
		Seconds: Seconds{
			InjectionToAlert:   between(o.Injected, o.Alerted),
			AlertToCause:       between(o.Alerted, o.CauseFound),
			WaitingOnPeople:    seconds(people(time.Time{}, time.Time{})),
			CauseToRollback:    between(o.CauseFound, o.RolledBack),
			AlertToHealthy:     between(o.Alerted, o.Healthy),
			InjectionToHealthy: between(o.Injected, o.Healthy),
		},
		Alert:    alert,
		Requests: requests(s, o),
		Goals:    []GoalScore{},
	}
	within := map[string]time.Duration{
		"cause_to_rollback": people(o.CauseFound, o.RolledBack), "alert_to_healthy": people(o.Alerted, o.Healthy),
		"injection_to_healthy": people(o.Injected, o.Healthy), "alert_to_cause": people(o.Alerted, o.CauseFound),
	}
	for _, g := range s.Goals {
		value, _ := r.Seconds.named(g.Name)
		score := GoalScore{Name: g.Name, Limit: g.Limit.Seconds(), Value: value}
		if g.LessPeople {
			score.Name += "_less_people"
			if value != nil {
				score.Value = rounded(*value - within[g.Name].Seconds())
			}
		}
		score.Met = score.Value != nil && *score.Value <= score.Limit
		r.Goals = append(r.Goals, score)
	}
	return r
}

func scoreAlert(o Observation) Alerted {
	a := Alerted{By: o.RaisedBy, Resolved: between(o.Injected, o.Resolved)}
	for _, b := range o.Load.Between(o.Injected, time.Time{}) {
		if b.Failed > 0 {
			a.FirstFailed = between(o.Injected, b.At)
			break
		}
	}
	raised := between(o.Injected, o.Alerted)
	a.BeforeErrors = raised != nil && (a.FirstFailed == nil || *raised < *a.FirstFailed)
	return a
}

func requests(s *Scenario, o Observation) Requests {
	if o.Injected.IsZero() {
		return Requests{}
	}
	var end time.Time
	if !o.Healthy.IsZero() {
		end = o.Healthy.Add(s.Healthy.For)
	}
	all := o.Load.Between(o.Injected.Truncate(practice.BucketWidth), end).Sum()
	r := Requests{Failed: all.Failed, Total: all.OK + all.Failed}
	if !o.RolledBack.IsZero() {
		r.FailedAfterRollback = o.Load.Between(o.RolledBack, end).Sum().Failed
	}
	return r
}

// overlap is how much of [from, to) the intervals cover together; questions
// that were open side by side count once. A zero time is open.
func overlap(intervals []Interval, from, to time.Time) time.Duration {
	sorted := slices.Clone(intervals)
	slices.SortFunc(sorted, func(a, b Interval) int { return a.From.Compare(b.From) })
	var sum time.Duration
	covered := from
	for _, i := range sorted {
		if i.From.Before(covered) {
			i.From = covered
		}
		if !to.IsZero() && i.To.After(to) {
			i.To = to
		}
		if i.To.After(i.From) {
			sum += i.To.Sub(i.From)
			covered = i.To
		}
	}
	return sum
}

func between(from, to time.Time) *float64 {
	if from.IsZero() || to.IsZero() {
		return nil
	}
	return seconds(to.Sub(from))
}

func seconds(d time.Duration) *float64 { return rounded(d.Seconds()) }

func rounded(s float64) *float64 {
	s = math.Round(s*1000) / 1000
	return &s
}
