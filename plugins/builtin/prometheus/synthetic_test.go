package prometheus

import (
	"math"
	"time"
)

// zero is the instant at which synthetic histories begin.
var zero = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// load is a synthetic replica: what it is asked and how it does, by the
// seconds since zero.
type load struct {
	max     func(at float64) float64 // size of the pool
	offered func(at float64) float64 // first attempts per second
	hold    func(at float64) float64 // seconds
}

func always(v float64) func(float64) float64 { return func(float64) float64 { return v } }

// step is before until at, and after from then on.
func step(at, before, after float64) func(float64) float64 {
	return func(t float64) float64 {
		if t < at {
			return before
		}
		return after
	}
}

// simulate runs the replica as a fluid queue with a timeout of 3 s, and takes
// a snapshot every 250 ms.
func (l load) simulate(name string, seconds float64) history {
	const dt = 0.01
	h := history{replica: name}
	bounds := []float64{.001, .005, .01, .05, .1, .25, .5, 1, 2, 3, 5, math.Inf(1)}
	timing := func() distribution { return distribution{bounds: bounds, cumulative: make([]float64, len(bounds))} }
	acquire, hold, query, request, well, ill := timing(), timing(), timing(), timing(), timing(), timing()
	observe := func(d *distribution, n, v float64) {
		d.count += n
		d.sum += n * v
		for i, b := range bounds {
			if v <= b {
				d.cumulative[i] += n
			}
		}
	}
	frozen := func(d distribution) distribution {
		d.cumulative = append([]float64(nil), d.cumulative...)
		return d
	}
	var first, requests, failed, timeouts, waiting, busy float64
	steps := int(math.Round(seconds / dt))
	for i := 0; i <= steps; i++ {
		at := float64(i) * dt
		if i%25 == 0 {
			s := emptySnapshot(zero.Add(time.Duration(i) * 10 * time.Millisecond))
			s.figures = [figures]float64{
				poolMax: l.max(at), poolAcquired: math.Round(busy), poolIdle: math.Round(l.max(at) - busy), poolConstructing: 0,
				poolWaiting: math.Round(waiting), poolTimeouts: timeouts, poolConnects: 5,
				httpRequests: requests, httpFailed: failed, httpFirst: first, httpInflight: math.Round(waiting + busy),
				filesOpen: nan, filesMax: nan,
			}
			s.timings = [timings]distribution{
				acquireTime: frozen(acquire), holdTime: frozen(hold), queryTime: frozen(query), requestTime: frozen(request),
				servedTime: frozen(well), failedTime: frozen(ill),
			}
			h.add(s)
		}
		offered, held, size := l.offered(at), l.hold(at), l.max(at)
		first += offered * dt
		waiting += offered * dt
		capacity := size / held
		served := min(waiting, capacity*dt)
		waiting -= served
		busy = served / dt * held
		wait := 0.0
		if waiting > 0.01 {
			wait = waiting / capacity
		}
		gaveUp := max(0, waiting-3*capacity)
		waiting -= gaveUp
		timeouts += gaveUp
		failed += gaveUp
		requests += served + gaveUp
		observe(&acquire, served, wait)
		observe(&acquire, gaveUp, 3)
		observe(&hold, served, held)
		observe(&query, served, held*0.65)
		observe(&request, served, wait+held)
		observe(&request, gaveUp, 3)
		observe(&well, served, wait+held)
		observe(&ill, gaveUp, 3)
	}
	return h
}

// replicas simulates n alike.
func (l load) replicas(n int, seconds float64) []history {
	var out []history
	for i := range n {
		out = append(out, l.simulate(string(rune('a'+i)), seconds))
	}
	return out
}
