package prometheus

import (
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// healthOf answers metrics.health. What says neither yes nor no is an
// inconclusive failure, never a value.
func healthOf(histories []history, window time.Duration, notBefore time.Time) (capability.HealthOutput, error) {
	end := latest(histories)
	from := later(end.Add(-window), notBefore)
	if from.After(end) {
		return capability.HealthOutput{}, plugins.Fail(plugins.Inconclusive,
			"nothing has been measured since %s: the newest sample is of %s", notBefore.UTC().Format(time.RFC3339Nano), end.UTC().Format(time.RFC3339Nano))
	}
	w := windowOf(histories, from, end, last)
	if w.Samples == 0 {
		return capability.HealthOutput{}, plugins.Fail(plugins.Inconclusive, "there is no sample in the last %s", window)
	}
	if w.Requests < capability.MinHealthRequests {
		return capability.HealthOutput{}, plugins.Fail(plugins.Inconclusive,
			"%d requests in %s (%d samples) say nothing of the service's health; at least %d are needed, and a window longer than the time between two samples",
			w.Requests, w.To.Sub(w.From), w.Samples, capability.MinHealthRequests)
	}
	took := distribution{count: nan, sum: nan}
	for _, h := range histories {
		took.merge(accumulated(h.between(from, end), requestTime))
	}
	return capability.HealthOutput{
		Observed: capability.Observed{ObservedAt: end.UTC()},
		From:     w.From, To: w.To, Samples: w.Samples, Requests: w.Requests,
		ErrorRate: w.ErrorRate, P99S: number(took.quantile(0.99)), Waiting: w.Waiting,
	}, nil
}
