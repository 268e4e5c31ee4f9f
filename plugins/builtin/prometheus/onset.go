package prometheus

import (
	"math"
	"slices"
	"time"
)

// What counts as trouble, at the least. A queue this small, or a wait this
// short, is ordinary.
const (
	leastQueue      = 5.0
	leastQueueShare = 0.1   // of the pools' size
	leastWait       = 0.050 // mean seconds
	leastWaits      = 5.0   // of which a mean says something
	beyondBaseline  = 3.0   // times what is usual
	leastFailed     = 0.05  // share of the requests
	leastFailures   = 3.0   // of which a share says something
)

const (
	// calmFor is how long all must be well before trouble counts as over,
	// or as another one.
	calmFor = 2 * time.Second
	// steadyFor is for how long trouble must show most of the time to have
	// begun. A small pool has moments of it on any day, and those right before
	// are not where it began.
	steadyFor = time.Second
	// usualEvery spaces the instants that decide what is usual, so that the
	// many recent ones do not outvote the past.
	usualEvery = 5 * time.Second
	// staleAfter is when a replica that says nothing no longer counts.
	staleAfter = 3 * time.Second
)

// instant is the state of all replicas together.
type instant struct {
	at      time.Time
	max     float64
	heard   int     // replicas that say how many connections they have
	open    float64 // connections in use and at rest, of those
	waiting float64 // NaN: not said
	wait    float64 // mean seconds of late; NaN: nobody waited, or not said
	failed  float64 // share of the requests of late; NaN: not said, or too few
	unsure  bool    // some failed, too few for a share
}

// began is when what is bad at an instant began. Where the queue is not said, a
// wait shows when it is over, and so began that much earlier.
func (i instant) began() time.Time {
	if math.IsNaN(i.waiting) && i.wait > 0 {
		return i.at.Add(-time.Duration(i.wait * float64(time.Second)))
	}
	return i.at
}

// says is whether it tells good from bad.
func (i instant) says() bool {
	return !i.unsure && !(math.IsNaN(i.waiting) && math.IsNaN(i.wait) && math.IsNaN(i.failed))
}

// beyond says whether queue, wait or failures are more than that many times
// what is usual, and more than little. What cannot wait fails at once.
func (i instant) beyond(times float64, usual instant) bool {
	return i.waiting >= max(leastQueue, leastQueueShare*i.max, times*usual.waiting) ||
		i.wait >= max(leastWait, times*usual.wait) ||
		i.failed >= max(leastFailed, times*usual.failed)
}

// trouble is what the past says of the present.
type trouble struct {
	now    bool
	onset  time.Time // when it began; zero when it is older than the history
	fewest float64   // connections that were open at once since right before that
}

// findTrouble looks for the instant at which queue, wait or failures left the
// baseline for good.
func findTrouble(histories []history) trouble {
	all := instants(histories)
	if len(all) == 0 {
		return trouble{}
	}
	usual := usualOf(all)
	allAlong := usual.beyond(0, instant{})
	isBad := func(i instant) bool {
		if allAlong {
			i.failed = nan // what has waited all the time fails in the end: that is no beginning
		}
		return i.beyond(beyondBaseline, usual)
	}
	first := -1
	calmSince := all[len(all)-1].at
	for i, then := range slices.Backward(all) {
		if isBad(then) {
			calmSince = then.at
			if lasts(all[i:], isBad) {
				first = i
			}
		} else if calmSince.Sub(then.at) > calmFor {
			break
		}
	}
	switch {
	case first < 0:
		// Waiting that has been there all the time is trouble, too.
		return trouble{now: all[len(all)-1].beyond(0, instant{})}
	case all[first].at.Sub(all[0].at) < time.Second:
		return trouble{now: true}
	default:
		onset := later(all[0].at.Add(time.Second), all[first].began())
		return trouble{now: true, onset: onset, fewest: fewestOpen(all, onset.Add(-baselineApart))}
	}
}

// fewestOpen is how few connections the replicas together had at once since then:
// a server that restarts leaves none for a moment. Where one of them is not heard
// its connections are missed, and it does not count. NaN: it is not said.
func fewestOpen(all []instant, since time.Time) float64 {
	fewest, replicas := nan, 1
	for _, i := range all {
		replicas = max(replicas, i.heard)
	}
	for _, i := range all {
		if !i.at.Before(since) && i.heard == replicas && !(i.open >= fewest) {
			fewest = i.open
		}
	}
	return fewest
}

// lasts says that most of the instants right after the first of them are bad,
// too.
func lasts(all []instant, isBad func(instant) bool) bool {
	bad, said := 0, 0
	for _, i := range all {
		if i.at.Sub(all[0].at) > steadyFor {
			break
		}
		switch {
		case isBad(i):
			bad, said = bad+1, said+1
		case i.says():
			said++
		}
	}
	return 2*bad > said
}

// usualOf takes the lower fifth of spaced instants: trouble may last for most
// of the history before it counts as usual.
func usualOf(all []instant) instant {
	var waiting, wait, failed []float64
	var last time.Time
	for _, i := range all {
		if !last.IsZero() && i.at.Sub(last) < usualEvery {
			continue
		}
		last = i.at
		waiting, wait, failed = append(waiting, zeroIfNaN(i.waiting)), append(wait, zeroIfNaN(i.wait)), append(failed, zeroIfNaN(i.failed))
	}
	fifth := func(v []float64) float64 { return slices.Sorted(slices.Values(v))[len(v)/5] }
	return instant{max: all[0].max, waiting: fifth(waiting), wait: fifth(wait), failed: fifth(failed)}
}

// instants lines the replicas up in time: at each instant at which any of them
// spoke, what each had said last.
func instants(histories []history) []instant {
	var times []time.Time
	for _, h := range histories {
		for _, s := range h.snapshots {
			times = append(times, s.at)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	times = slices.CompactFunc(times, time.Time.Equal)
	out := make([]instant, 0, len(times))
	for _, t := range times {
		now := instant{at: t, waiting: nan, wait: nan, failed: nan}
		var waited, waits, done, failed float64
		for _, h := range histories {
			i := h.indexAt(t)
			if i < 0 || t.Sub(h.snapshots[i].at) > max(staleAfter, 2*gap(h.snapshots, i)) {
				continue
			}
			s := h.snapshots[i]
			now.max += zeroIfNaN(s.figures[poolMax])
			if open := s.figures[poolAcquired] + s.figures[poolIdle]; !math.IsNaN(open) {
				now.heard++
				now.open += open
			}
			if v := h.waiting(h.snapshots[i : i+1]); len(v) > 0 {
				add(&now.waiting, v[0])
			}
			if i > 0 {
				d := accumulated(h.snapshots[i-1:i+1], acquireTime)
				waited += zeroIfNaN(d.sum)
				waits += zeroIfNaN(d.count)
				done += zeroIfNaN(increase(h.snapshots[i-1:i+1], httpRequests))
				failed += zeroIfNaN(increase(h.snapshots[i-1:i+1], httpFailed))
			}
		}
		if waits >= leastWaits {
			now.wait = waited / waits
		}
		if failed >= leastFailures {
			now.failed = failed / done
		}
		now.unsure = failed > 0 && failed < leastFailures
		out = append(out, now)
	}
	return out
}

// gap is how far apart a replica's snapshots are at index i.
func gap(snapshots []snapshot, i int) time.Duration {
	if i == 0 {
		return 0
	}
	return snapshots[i].at.Sub(snapshots[i-1].at)
}

func zeroIfNaN(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}
