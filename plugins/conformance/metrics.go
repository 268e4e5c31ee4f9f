package conformance

import (
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// metrics.health: a window in its order, and shares that are shares.
func metricsHealth(s *suite, t T, r Read, out capability.HealthOutput) {
	s.observed(t, r.Service, r.Action, out.Observed)
	if out.To.Before(out.From) {
		t.Errorf("the window ends at %s and begins at %s", out.To, out.From)
	}
	share(t, "error_rate", out.ErrorRate)
	if out.Requests < capability.MinHealthRequests {
		t.Errorf("%d requests were enough to judge; fewer than %d are inconclusive", out.Requests, capability.MinHealthRequests)
	}
}

// metrics.pool: the same of each window, and the sums of those that answered.
func metricsPool(s *suite, t T, r Read, out capability.PoolOutput) {
	s.observed(t, r.Service, r.Action, out.Observed)
	for _, w := range []*capability.Window{&out.Now, out.Baseline} {
		if w == nil {
			continue
		}
		if w.To.Before(w.From) {
			t.Errorf("a window ends at %s and begins at %s", w.To, w.From)
		}
		share(t, "error_rate", w.ErrorRate)
	}
	size := 0
	seen := map[string]bool{}
	for _, replica := range out.Replicas {
		if seen[replica.Name] {
			t.Errorf("replica %s answered twice", replica.Name)
		}
		seen[replica.Name] = true
		size += replica.Max
	}
	for _, name := range out.Silent {
		if seen[name] {
			t.Errorf("replica %s answered, and is said to be silent", name)
		}
	}
	if out.Now.Max != nil && len(out.Replicas) > 0 && *out.Now.Max != size {
		t.Errorf("the pools have %d connections, and together %d", size, *out.Now.Max)
	}
}

// metrics.query: a value where there is exactly one series.
func metricsQuery(s *suite, t T, r Read, out capability.QueryOutput) {
	s.observed(t, r.Service, r.Action, out.Observed)
	if out.Samples != len(out.Series) || (out.Value != nil) != (len(out.Series) == 1) {
		t.Errorf("%d series, said to be %d, and a value: %v", len(out.Series), out.Samples, out.Value != nil)
	}
}

func share(t T, name string, v *float64) {
	t.Helper()
	if v != nil && (*v < 0 || *v > 1) {
		t.Errorf("%s is %v; a share is from 0 to 1", name, *v)
	}
}
