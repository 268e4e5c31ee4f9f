package prometheus

import (
	"math"
	"time"
)

// increase returns how much a counter grew over the snapshots. A counter that
// fell began anew, with its replica, and has grown from 0; so has one that was
// not on the page before, as labelled ones are not until they count. NaN: not
// known.
func increase(snapshots []snapshot, f figure) float64 {
	return grown(snapshots, func(s snapshot) float64 { return s.figures[f] })
}

func grown(snapshots []snapshot, of func(snapshot) float64) float64 {
	sum, last := nan, nan
	for i, s := range snapshots {
		v := of(s)
		if math.IsNaN(v) {
			continue
		}
		switch {
		case i == 0:
		case math.IsNaN(last), v < last:
			add(&sum, v)
		default:
			add(&sum, v-last)
		}
		last = v
	}
	return sum
}

// accumulated returns the distribution of what happened over the snapshots.
func accumulated(snapshots []snapshot, t timing) distribution {
	out := distribution{count: nan, sum: nan}
	for i := 1; i < len(snapshots); i++ {
		before, after := snapshots[i-1].timings[t], snapshots[i].timings[t]
		if math.IsNaN(after.count) || math.IsNaN(before.count) {
			continue
		}
		if after.count < before.count { // the replica began anew
			before = distribution{}
		}
		add(&out.count, after.count-before.count)
		add(&out.sum, after.sum-before.sum)
		out.addBuckets(before, after)
	}
	return out
}

func (h *distribution) addBuckets(before, after distribution) {
	if h.bounds == nil {
		h.bounds = after.bounds
		h.cumulative = make([]float64, len(after.bounds))
	}
	if len(h.bounds) != len(after.bounds) {
		return // other buckets since a release: those of before stand
	}
	for i, v := range after.cumulative {
		if len(before.cumulative) == len(after.cumulative) {
			v -= before.cumulative[i]
		}
		h.cumulative[i] += v
	}
}

// merge adds what happened on another replica.
func (h *distribution) merge(other distribution) {
	if math.IsNaN(other.count) {
		return
	}
	add(&h.count, other.count)
	add(&h.sum, other.sum)
	h.addBuckets(distribution{}, other)
}

// mean is NaN when nothing happened.
func (h distribution) mean() float64 {
	if h.count == 0 {
		return nan
	}
	return h.sum / h.count
}

// quantile reads a quantile off the buckets, linearly between bounds. What is
// above the last finite bound is that bound.
func (h distribution) quantile(q float64) float64 {
	n := len(h.bounds)
	if n < 2 || h.cumulative[n-1] <= 0 {
		return nan
	}
	rank := q * h.cumulative[n-1]
	lower, below := 0.0, 0.0
	for i, bound := range h.bounds {
		if h.cumulative[i] >= rank {
			if math.IsInf(bound, 1) {
				return h.bounds[n-2]
			}
			if h.cumulative[i] == below {
				return bound
			}
			return lower + (bound-lower)*(rank-below)/(h.cumulative[i]-below)
		}
		lower, below = bound, h.cumulative[i]
	}
	return nan
}

// span is how long the snapshots reach.
func span(snapshots []snapshot) time.Duration {
	if len(snapshots) < 2 {
		return 0
	}
	return snapshots[len(snapshots)-1].at.Sub(snapshots[0].at)
}
