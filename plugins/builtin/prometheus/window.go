package prometheus

import (
	"math"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// gauge picks one value out of a gauge's values over a window.
type gauge func([]float64) float64

// last is right for now, median for a past that stood still.
func last(values []float64) float64 { return values[len(values)-1] }

func median(values []float64) float64 {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// windowOf sums up all replicas from from to to.
func windowOf(histories []history, from, to time.Time, pick gauge) capability.Window {
	rates := map[string]float64{}
	rate := func(name string, amount float64, over time.Duration) {
		if !math.IsNaN(amount) && over > 0 {
			sum, ok := rates[name]
			if !ok {
				sum = nan
			}
			add(&sum, amount/over.Seconds())
			rates[name] = sum
		}
	}
	requests, failed, timeouts := nan, nan, nan
	gauges := [figures]float64{}
	for i := range gauges {
		gauges[i] = nan
	}
	dists := [timings]distribution{}
	for t := range dists {
		dists[t] = distribution{count: nan, sum: nan}
	}
	w := capability.Window{From: to.UTC(), To: from.UTC()}
	var all [][]snapshot
	for _, h := range histories {
		snaps := h.between(from, to)
		if len(snaps) == 0 {
			continue
		}
		all = append(all, snaps)
		w.Samples += len(snaps)
		w.From = earlier(w.From, snaps[0].at.UTC())
		w.To = later(w.To, snaps[len(snaps)-1].at.UTC())
		for _, f := range []figure{poolMax, poolAcquired, poolWaiting} {
			if v := valuesOf(snaps, f); len(v) > 0 {
				add(&gauges[f], pick(v))
			}
		}
		if v := valuesOf(snaps, poolConstructing); len(v) > 0 {
			add(&gauges[poolConstructing], slices.Max(v))
		}
		for t := range dists {
			dists[t].merge(accumulated(snaps, timing(t)))
		}
		for sum, f := range map[*float64]figure{&requests: httpRequests, &failed: httpFailed, &timeouts: poolTimeouts} {
			if v := increase(snaps, f); !math.IsNaN(v) {
				add(sum, v)
			}
		}
		over := span(snaps)
		rate("offered", arrivals(snaps), over)
		rate("first", increase(snaps, httpFirst), over)
		rate("connects", increase(snaps, poolConnects), over)
		rate("releases", accumulated(snaps, holdTime).count, over)
		rate("queries", accumulated(snaps, queryTime).count, over)
	}
	value := func(name string) *float64 {
		v, ok := rates[name]
		if !ok {
			return nil
		}
		return number(v)
	}
	if !math.IsNaN(requests) {
		w.Requests = int(math.Round(requests))
	}
	w.OfferedRPS, w.FirstAttemptsRPS = value("offered"), value("first")
	w.ReleasesRPS, w.ConnectsRPS, w.QueriesRPS = value("releases"), value("connects"), value("queries")
	w.Errors = errorsBetween(all)
	if requests > 0 {
		w.ErrorRate = number(failed / requests)
	}
	w.HoldS, w.QueryS = number(dists[holdTime].mean()), number(dists[queryTime].mean())
	w.Opening, w.ConnectS = integer(gauges[poolConstructing]), number(dists[connectTime].mean())
	w.AcquireP99S = number(dists[acquireTime].quantile(0.99))
	w.Acquired, w.Max, w.Waiting = integer(gauges[poolAcquired]), integer(gauges[poolMax]), integer(gauges[poolWaiting])
	w.Timeouts = integer(timeouts)
	return w
}

// arrivals counts the requests that came, whether they are done or not.
func arrivals(snapshots []snapshot) float64 {
	done := increase(snapshots, httpRequests)
	inside := valuesOf(snapshots, httpInflight)
	if len(inside) < 2 {
		return done
	}
	// A replica that began anew lost what was inside; that is no arrival
	// that can be seen, so this is a little low for a moment.
	return max(0, done+inside[len(inside)-1]-inside[0])
}

func valuesOf(snapshots []snapshot, f figure) []float64 {
	var out []float64
	for _, s := range snapshots {
		if v := s.figures[f]; !math.IsNaN(v) {
			out = append(out, v)
		}
	}
	return out
}

func number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func integer(v float64) *int {
	if math.IsNaN(v) {
		return nil
	}
	i := int(math.Round(v))
	return &i
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
