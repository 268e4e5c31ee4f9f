package prometheus

import (
	"slices"
	"time"
)

const (
	// keepFor is how far back a history reaches.
	keepFor = 15 * time.Minute
	// keepAllFor is how far back nothing is thinned out.
	keepAllFor = 2 * time.Minute
	// keepOneIn is the distance of what is kept beyond that.
	keepOneIn = 5 * time.Second
)

// history is what one replica said over time, oldest first.
type history struct {
	replica   string
	snapshots []snapshot
	thinned   int // the first snapshots, up to here, are thinned out
}

// add appends a snapshot and forgets what is too old. A snapshot that is not
// newer than the last is dropped.
func (h *history) add(s snapshot) {
	if n := len(h.snapshots); n > 0 && !s.at.After(h.snapshots[n-1].at) {
		return
	}
	h.snapshots = append(h.snapshots, s)
	for h.thinned < len(h.snapshots) && s.at.Sub(h.snapshots[h.thinned].at) > keepAllFor {
		if i := h.thinned; i > 0 && h.snapshots[i].at.Sub(h.snapshots[i-1].at) < keepOneIn {
			h.snapshots = slices.Delete(h.snapshots, i, i+1)
			continue
		}
		h.thinned++
	}
	for s.at.Sub(h.snapshots[0].at) > keepFor {
		h.snapshots = slices.Delete(h.snapshots, 0, 1)
		h.thinned = max(0, h.thinned-1)
	}
}

// between returns the snapshots from from to to, both included.
func (h history) between(from, to time.Time) []snapshot {
	first, _ := slices.BinarySearchFunc(h.snapshots, from, func(s snapshot, t time.Time) int { return s.at.Compare(t) })
	last, found := slices.BinarySearchFunc(h.snapshots, to, func(s snapshot, t time.Time) int { return s.at.Compare(t) })
	if found {
		last++
	}
	if first >= last {
		return nil
	}
	return h.snapshots[first:last]
}

// isReplica says whether it may be a replica's: not what has spoken, and never
// of a pool, as exporters do.
func (h history) isReplica() bool {
	return len(h.snapshots) == 0 || len(valuesOf(h.snapshots, poolMax)) > 0
}

// indexAt returns the index of the last snapshot not after t, or -1.
func (h history) indexAt(t time.Time) int {
	i, found := slices.BinarySearchFunc(h.snapshots, t, func(s snapshot, t time.Time) int { return s.at.Compare(t) })
	if found {
		return i
	}
	return i - 1
}

// clone returns a copy that later additions leave alone.
func (h history) clone() history {
	h.snapshots = slices.Clone(h.snapshots)
	return h
}

// latest returns the newest instant of any history.
func latest(histories []history) time.Time {
	var t time.Time
	for _, h := range histories {
		if n := len(h.snapshots); n > 0 && h.snapshots[n-1].at.After(t) {
			t = h.snapshots[n-1].at
		}
	}
	return t
}
