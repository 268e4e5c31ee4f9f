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
		for f, values := range h.gauges(snaps) {
			if len(values) > 0 {
				add(&gauges[f], pick(values))
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
		rate("releases", releases(snaps), over)
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
	w.ServedS, w.FailedS = number(besideWaiting(dists, requests-failed, waitGrows(histories, w.From, w.To))), number(dists[failedTime].mean())
	w.Opening, w.ConnectS = integer(gauges[poolConstructing]), number(dists[connectTime].mean())
	w.AcquireP99S, w.AcquireS = number(dists[acquireTime].quantile(0.99)), number(dists[acquireTime].mean())
	w.Acquired, w.Max, w.Waiting = integer(gauges[poolAcquired]), integer(gauges[poolMax]), integer(gauges[poolWaiting])
	w.Timeouts = integer(timeouts)
	return w
}

// besideWaiting is how long a request that was served took beside its wait for a
// connection, on average. The waits must be of the same requests, at most one
// for each: some libraries count those that got a connection, some all. Growing
// is by how many seconds the wait grows each second: a wait is counted when it is
// over, and its request when that is, so that of waits that grow too much is in.
func besideWaiting(dists [timings]distribution, served, growing float64) float64 {
	wait, all, ok := dists[acquireTime], dists[requestTime], dists[servedTime]
	if !(wait.count <= 1.1*all.count) || !(served > 0) {
		return nan
	}
	took := all.sum - wait.sum // those that failed did so waiting, or are in what remains
	switch {
	case served < 0.95*all.count && wait.count-served < all.count-wait.count:
		took = ok.sum - wait.sum
	case ok.sum < took:
		took = ok.sum
	}
	return max(0, took) / served / max(0.2, 1-zeroIfNaN(growing))
}

// waitGrows is by how many seconds the wait for a connection grows each second,
// from the first quarter of the time to the last.
func waitGrows(histories []history, from, to time.Time) float64 {
	quarter := to.Sub(from) / 4
	mean := func(from, to time.Time) float64 {
		waited := distribution{count: nan, sum: nan}
		for _, h := range histories {
			waited.merge(accumulated(h.between(from, to), acquireTime))
		}
		return waited.mean()
	}
	return (mean(to.Add(-quarter), to) - mean(from, from.Add(quarter))) / (3 * quarter.Seconds())
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

// releases counts the connections that were given back: those of which it is
// said how long they were held or, where nobody says, those that were given out
// and are not in use.
func releases(snapshots []snapshot) float64 {
	if n := accumulated(snapshots, holdTime).count; !math.IsNaN(n) {
		return n
	}
	used := valuesOf(snapshots, poolAcquired)
	if len(used) < 2 {
		return nan
	}
	return max(0, increase(snapshots, poolAcquires)-(used[len(used)-1]-used[0]))
}

// gauges are the values of those figures that are not counted up.
func (h history) gauges(snapshots []snapshot) map[figure][]float64 {
	return map[figure][]float64{
		poolMax: valuesOf(snapshots, poolMax), poolAcquired: valuesOf(snapshots, poolAcquired), poolWaiting: h.waiting(snapshots),
	}
}

// waiting is the queue at each of the snapshots, as it is said; or at the last
// of them, at the least: as many as have begun to wait since a wait last ended.
func (h history) waiting(snapshots []snapshot) []float64 {
	if v := valuesOf(snapshots, poolWaiting); len(v) > 0 {
		return v
	}
	if v := h.begun(h.indexAt(snapshots[len(snapshots)-1].at)); !math.IsNaN(v) {
		return []float64{v}
	}
	return nil
}

// begun is how many waits have begun, as of the snapshot with that index, since
// the time of those that ended last grew: all of them wait. NaN: none, or it is
// not said.
func (h history) begun(i int) float64 {
	if i < 0 {
		return nan
	}
	first, now := i, &h.snapshots[i]
	for first > 0 && h.snapshots[first].full() && h.snapshots[first-1].timings[acquireTime].sum == now.timings[acquireTime].sum {
		first--
	}
	if n := now.figures[poolWaits] - h.snapshots[first].figures[poolWaits]; n > 0 {
		return n
	}
	return nan
}

// full says that no connection of the pool is free.
func (s *snapshot) full() bool { return s.figures[poolAcquired] >= s.figures[poolMax] }

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
