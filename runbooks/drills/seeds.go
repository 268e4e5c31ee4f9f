package drills

import "context"

// Worst is the last line of a drill with --seeds: the worst of each figure.
type Worst struct {
	Type     string      `json:"type"` // drill_seeds
	Seeds    int         `json:"seeds"`
	Passed   int         `json:"passed"`               // how many
	Wrong    int         `json:"wrong_causes"`         // how many named another cause, or none
	Before   int         `json:"alerts_before_errors"` // how many alerts came before the first request that failed
	Seconds  Seconds     `json:"seconds"`
	Requests Requests    `json:"requests"`
	Goals    []GoalScore `json:"goals"`
}

// RunSeeds plays the drill with the seeds 1 to n, one after the other, hands
// each result to each as it comes, and sums up the worst.
func RunSeeds(ctx context.Context, opts Options, n uint64, each func(Result) error) (Worst, error) {
	results := make([]Result, 0, n)
	for seed := uint64(1); seed <= n; seed++ {
		opts.Seed = seed
		r, err := Run(ctx, opts)
		if err != nil {
			return worst(opts.Scenario, results), err
		}
		r.Seed = &seed
		results = append(results, r)
		if err := each(r); err != nil {
			return worst(opts.Scenario, results), err
		}
	}
	return worst(opts.Scenario, results), nil
}

// worst is a pure function of the results.
func worst(s *Scenario, results []Result) Worst {
	w := Worst{Type: "drill_seeds", Seeds: len(results), Goals: []GoalScore{}}
	for i, r := range results {
		if r.Passed {
			w.Passed++
		}
		if r.Alert.BeforeErrors {
			w.Before++
		}
		if r.Cause != s.Expect.Cause {
			w.Wrong++
		}
		if i == 0 {
			w.Seconds, w.Requests, w.Goals = r.Seconds, r.Requests, append(w.Goals, r.Goals...)
			continue
		}
		w.Seconds = Seconds{
			InjectionToAlert:   slower(w.Seconds.InjectionToAlert, r.Seconds.InjectionToAlert),
			AlertToCause:       slower(w.Seconds.AlertToCause, r.Seconds.AlertToCause),
			WaitingOnPeople:    slower(w.Seconds.WaitingOnPeople, r.Seconds.WaitingOnPeople),
			CauseToRollback:    slower(w.Seconds.CauseToRollback, r.Seconds.CauseToRollback),
			AlertToHealthy:     slower(w.Seconds.AlertToHealthy, r.Seconds.AlertToHealthy),
			InjectionToHealthy: slower(w.Seconds.InjectionToHealthy, r.Seconds.InjectionToHealthy),
		}
		w.Requests = Requests{
			Failed:              max(w.Requests.Failed, r.Requests.Failed),
			FailedAfterRollback: max(w.Requests.FailedAfterRollback, r.Requests.FailedAfterRollback),
			Total:               max(w.Requests.Total, r.Requests.Total),
		}
		for g := range w.Goals {
			w.Goals[g].Value = slower(w.Goals[g].Value, r.Goals[g].Value)
			w.Goals[g].Met = w.Goals[g].Met && r.Goals[g].Met
		}
	}
	return w
}

// slower is the worse of two timings; never is the worst.
func slower(a, b *float64) *float64 {
	if a == nil || b == nil || *a > *b {
		if b == nil {
			return nil
		}
		return a
	}
	return b
}
