package policy

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// ran is a run of fix on api that an alert began so many minutes ago, and that
// took one.
func ran(ago int, word string, changed int, change ...func(*Past)) Past {
	p := Past{Runbook: "fix", Service: "api", Automatic: true, Word: word, Changed: changed, Began: noon.Add(-time.Duration(ago) * time.Minute)}
	if word != "" {
		p.Ended = p.Began.Add(time.Minute)
	}
	for _, c := range change {
		c(&p)
	}
	return p
}

func person(p *Past)    { p.Automatic = false }
func elsewhere(p *Past) { p.Service = "shop" }
func another(p *Past)   { p.Runbook = "look" }
func shadowed(p *Past)  { p.Bar = BarShadow }

func TestBars(t *testing.T) {
	rate := Automation{Rate: &Rate{Rule: "f:1 rate", Runs: 2, Per: time.Hour}}
	breaker := Automation{Breaker: &Breaker{Rule: "f:2 breaker", Failures: 2, For: time.Hour}}
	budget := Automation{Budget: &Budget{Rule: "f:3 budget", Changes: 5, Per: time.Hour}}
	storm := Automation{ReadOnly: &ReadOnly{Rule: "f:4 read_only", Services: 3}}
	tests := []struct {
		name     string
		rules    Automation
		past     []Past
		alerting int
		says     string // empty: it may
	}{
		{"no rules", Automation{}, []Past{ran(1, "failed_dirty", 9)}, 99, ""},

		{"shadow of all", Automation{Shadows: []Shadow{{Rule: "f:5 shadow"}}}, nil, 0, "shadow f:5 shadow: runs of automation change nothing here; to do it all the same, start it yourself: firebreak run fix"},
		{"shadow of another runbook", Automation{Shadows: []Shadow{{Runbook: "look"}}}, nil, 0, ""},
		{"shadow of another service", Automation{Shadows: []Shadow{{Services: []string{"shop"}}}}, nil, 0, ""},
		{"shadow of this on that", Automation{Shadows: []Shadow{{Runbook: "fix", Services: []string{"shop", "api"}}}}, nil, 0, "shadow"},

		{"as many services as may", storm, nil, 3, ""},
		{"more services", storm, nil, 4, "read_only f:4 read_only: 4 services alert at once, more than 3, so what watches them may be broken; to do it"},

		{"less often than may", rate, []Past{ran(10, "succeeded", 1)}, 0, ""},
		{"as often as may", rate, []Past{ran(10, "succeeded", 1), ran(50, "failed_clean", 2)}, 0, "rate f:1 rate: it has changed this 2 times within 1h0m0s; the next may at 2026-11-27 12:10 UTC; to do it"},
		{"one goes on", rate, []Past{ran(10, "", 0), ran(50, "succeeded", 1)}, 0, "12:10"},
		{"oftener than may, once", rate, []Past{ran(10, "succeeded", 1), ran(20, "succeeded", 1), ran(50, "succeeded", 1)}, 0, "12:40"},
		{"too long ago", rate, []Past{ran(10, "succeeded", 1), ran(60, "succeeded", 1)}, 0, ""},
		{"changed nothing", rate, []Past{ran(10, "no_action", 0), ran(50, "succeeded", 1)}, 0, ""},
		{"of another", rate, []Past{ran(10, "succeeded", 1), ran(11, "succeeded", 1, elsewhere), ran(12, "succeeded", 1, another), ran(13, "succeeded", 1, person), ran(14, "refused", 0, shadowed)}, 0, ""},

		{"failed once", breaker, []Past{ran(10, "failed_clean", 1)}, 0, ""},
		{"failed twice", breaker, []Past{ran(30, "failed_dirty", 1), ran(10, "failed_clean", 1)}, 0, "breaker f:2 breaker: it has failed here 2 times in a row; it may try again at 2026-11-27 12:51 UTC, or once a run that a person has started went well; to do it"},
		{"went well since", breaker, []Past{ran(30, "failed_clean", 1), ran(20, "failed_clean", 1), ran(10, "succeeded", 1, person)}, 0, ""},
		{"went well between", breaker, []Past{ran(30, "failed_clean", 1), ran(20, "succeeded", 1), ran(10, "failed_clean", 1)}, 0, ""},
		{"nothing to do between", breaker, []Past{ran(30, "failed_clean", 1), ran(20, "no_action", 0), ran(10, "failed_clean", 1)}, 0, "breaker"},
		{"barred between", breaker, []Past{ran(30, "failed_clean", 1), ran(20, "refused", 0, shadowed), ran(10, "failed_clean", 1)}, 0, "breaker"},
		{"a person failed", breaker, []Past{ran(30, "failed_clean", 1), ran(10, "failed_clean", 1, person)}, 0, ""},
		{"failed long ago", breaker, []Past{ran(90, "failed_clean", 1), ran(70, "failed_clean", 1)}, 0, ""},
		{"failed elsewhere", breaker, []Past{ran(30, "failed_clean", 1), ran(10, "failed_clean", 1, elsewhere)}, 0, ""},

		{"within the budget", budget, []Past{ran(10, "succeeded", 2), ran(20, "succeeded", 2, elsewhere)}, 0, ""},
		{"the budget of everybody", budget, []Past{ran(10, "succeeded", 2, person, another), ran(20, "succeeded", 3, elsewhere)}, 0, "budget f:3 budget: all runs together have begun, or may yet, 5 changes within 1h0m0s; to do it"},
		{"one may yet change something", budget, []Past{ran(10, "succeeded", 4), ran(5, "", 0, another)}, 0, "budget"},
		{"one is barred", budget, []Past{ran(10, "succeeded", 4), ran(5, "", 0, shadowed)}, 0, ""},
		{"long ago", budget, []Past{ran(62, "succeeded", 9)}, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if bar := tt.rules.Bar(Wish{Runbook: "fix", Service: "api"}, tt.past, tt.alerting, noon); bar != nil {
				got = bar.Class + " " + bar.Reason
			}
			if (got == "") != (tt.says == "") || !strings.Contains(got, tt.says) {
				t.Errorf("got %q, wanted %q", got, tt.says)
			}
		})
	}
}

// A run that is about to begin its first change is measured by what has begun,
// and not by who waits; those that have begun count with all that they may do.
func TestBarsOfAFirstChange(t *testing.T) {
	changing := func(may int) func(*Past) {
		return func(p *Past) { p.FirstChange, p.May = p.Began.Add(time.Minute), may }
	}
	rules := Automation{
		Rate:   &Rate{Rule: "rate", Runs: 2, Per: time.Hour},
		Budget: &Budget{Rule: "budget", Changes: 5, Per: time.Hour},
	}
	for _, tt := range []struct {
		name    string
		changes int
		past    []Past
		says    string // empty: it may
	}{
		{"others only wait", 5, []Past{ran(9, "", 0), ran(8, "", 0), ran(7, "", 0)}, ""},
		{"more than there are", 6, nil, "budget: all runs together have begun, or may yet, 0 changes within 1h0m0s, 5 are left, and this run may make 6; to do it"},
		{"another may yet make some", 3, []Past{ran(9, "", 1, elsewhere, changing(2))}, "budget: all runs together have begun, or may yet, 3 changes within 1h0m0s, 2 are left, and this run may make 3"},
		{"another has made fewer than it might", 4, []Past{ran(9, "succeeded", 1, elsewhere, changing(0))}, ""},
		{"a person may yet make some", 3, []Past{ran(9, "", 1, elsewhere, person, changing(2))}, "budget"},
		{"began long ago and changes now", 1, []Past{ran(200, "", 1, func(p *Past) { p.FirstChange = noon }), ran(300, "", 1, func(p *Past) { p.FirstChange = noon })}, "rate: it has changed this 2 times within 1h0m0s; the next may at 2026-11-27 13:00 UTC"},
		{"changed long ago", 1, []Past{ran(90, "", 1, changing(0)), ran(80, "", 1, changing(0))}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if bar := rules.Bar(Wish{Runbook: "fix", Service: "api", Changes: tt.changes}, tt.past, 0, noon); bar != nil {
				got = bar.Reason
			}
			if (got == "") != (tt.says == "") || !strings.Contains(got, tt.says) {
				t.Errorf("got %q, wanted %q", got, tt.says)
			}
		})
	}
}

func TestReadOnlyPagesOnce(t *testing.T) {
	rules := Automation{ReadOnly: &ReadOnly{Services: 3}}
	barred := func(ago int) []Past { return []Past{ran(ago, "refused", 0, func(p *Past) { p.Bar = BarReadOnly })} }
	for name, tt := range map[string]struct {
		past []Past
		page bool
	}{"the first": {nil, true}, "the second": {barred(5), false}, "the next storm": {barred(40), true}} {
		if bar := rules.Bar(Wish{Runbook: "fix", Service: "api"}, tt.past, 9, noon); bar == nil || bar.Page != tt.page {
			t.Errorf("%s: %+v", name, bar)
		}
	}
}

func TestScores(t *testing.T) {
	got := Scores([]Past{
		ran(300, "refused", 0, shadowed), ran(290, "succeeded", 1, person), // the same
		ran(150, "refused", 0, shadowed), ran(10, "succeeded", 1, person), // too late
		ran(100, "refused", 0, shadowed, elsewhere), ran(99, "succeeded", 1, person, another, elsewhere),
		ran(5, "no_action", 0, shadowed), ran(4, "failed_clean", 1),
	})
	if len(got) != 2 || got[0] != (Score{"fix", "api", 2, 1}) || got[1] != (Score{"fix", "shop", 1, 0}) {
		t.Errorf("%+v", got)
	}
}

// However runs come, and however long they wait: no more change a service than
// the rate says, and all together make no more changes than the budget says.
func TestLimitsHold(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	met := 0
	for range 300 {
		rules := Automation{
			Rate:   &Rate{Runs: 1 + rng.IntN(3), Per: time.Duration(10+rng.IntN(50)) * time.Minute},
			Budget: &Budget{Changes: 1 + rng.IntN(10), Per: time.Duration(10+rng.IntN(50)) * time.Minute},
		}
		var past []Past
		var first []Past        // of the runs that have changed something, as they began to
		var changes []time.Time // of all runs
		now := noon
		for range 90 {
			now = now.Add(time.Duration(rng.IntN(10)) * time.Minute)
			w := Wish{Runbook: "fix", Service: []string{"api", "shop"}[rng.IntN(2)]}
			if rules.Bar(w, past, 0, now) == nil {
				past = append(past, Past{Runbook: "fix", Service: w.Service, Automatic: true, Began: now, May: 1 + rng.IntN(3)})
			}
			for i := range past {
				p := &past[i]
				switch {
				case p.Word != "" || rng.IntN(3) > 0:
				case p.waits():
					w := Wish{Runbook: "fix", Service: p.Service, Changes: p.May}
					if rules.Bar(w, slices.Concat(past[:i], past[i+1:]), 0, now) != nil {
						p.Word, p.Bar, p.Ended, p.May = "refused", BarBudget, now, 0
						met++
						continue
					}
					p.FirstChange = now
					first = append(first, *p)
					fallthrough
				case p.May > 0:
					p.May--
					p.Changed++
					changes = append(changes, now)
				default:
					p.Word, p.Ended = "succeeded", now
				}
			}
			for _, service := range []string{"api", "shop"} {
				begun := 0
				for _, p := range first {
					if p.Service == service && now.Sub(p.FirstChange) < rules.Rate.Per {
						begun++
					}
				}
				if begun > rules.Rate.Runs {
					t.Fatalf("%d runs of at most %d", begun, rules.Rate.Runs)
				}
			}
			made := 0
			for _, at := range changes {
				if now.Sub(at) < rules.Budget.Per {
					made++
				}
			}
			if made > rules.Budget.Changes {
				t.Fatalf("%d changes of at most %d", made, rules.Budget.Changes)
			}
		}
	}
	if met == 0 {
		t.Error("no run was barred as it was about to change something")
	}
}
