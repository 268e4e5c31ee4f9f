package prometheus

import (
	"math"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	// leastNow is the least that 'now' spans, so that it has rates.
	leastNow = 500 * time.Millisecond
	// baselineFor is how much of the past is the baseline, and
	// baselineApart how far it stays away from the trouble.
	baselineFor   = time.Minute
	baselineApart = time.Second
)

// poolOf answers metrics.pool. 'Now' does not reach back beyond the onset:
// means over both sides of it would describe neither.
func poolOf(histories []history, window time.Duration) (capability.PoolOutput, error) {
	end := latest(histories)
	state := findTrouble(histories)
	from := end.Add(-window)
	if !state.onset.IsZero() {
		from = later(from, earlier(state.onset, end.Add(-leastNow)))
	}
	out := capability.PoolOutput{
		Observed: capability.Observed{ObservedAt: end.UTC()},
		Now:      windowOf(histories, from, end, last),
	}
	if !state.onset.IsZero() {
		out.Now.Errors = errorsSince(histories, state.onset.Add(-baselineApart), end)
		out.Fewest = integer(state.fewest)
	}
	out.HeldDone = heldDone(histories)
	until := from
	if !state.onset.IsZero() {
		until = state.onset
	}
	out.Database, out.Pooler = exported(histories, from, until)
	if out.Now.Max == nil && out.Database == nil && out.Pooler == nil {
		return out, plugins.Fail(plugins.NotFound, "no replica shows a connection pool: looked for %s", markers())
	}
	if !state.onset.IsZero() {
		onset := state.onset.UTC()
		out.Onset = &onset
	}
	// Trouble without a beginning has been there all the time: there is
	// nothing to compare it with.
	if !state.now || out.Onset != nil {
		out.Baseline = baselineOf(histories, until.Add(-baselineApart))
	}
	for _, h := range histories {
		if n := len(h.snapshots); n > 0 && !math.IsNaN(h.snapshots[n-1].figures[poolMax]) {
			r := replicaOf(h.replica, h.snapshots[n-1])
			r.FilesOpen, r.FilesMax = filesOf(h.between(from, end))
			out.Replicas = append(out.Replicas, r)
		}
	}
	return out, nil
}

func baselineOf(histories []history, to time.Time) *capability.Window {
	w := windowOf(histories, to.Add(-baselineFor), to, median)
	if w.Samples < 2 || !w.To.After(w.From) {
		return nil
	}
	return &w
}

func replicaOf(name string, s snapshot) capability.PoolReplica {
	count := func(f figure) int { return int(math.Round(zeroIfNaN(s.figures[f]))) }
	return capability.PoolReplica{
		Name:         name,
		Max:          count(poolMax),
		Acquired:     count(poolAcquired),
		Idle:         count(poolIdle),
		Constructing: count(poolConstructing),
		Waiting:      integer(s.figures[poolWaiting]),
	}
}

// filesOf is how many files a replica had open at the most, and may have. Without
// a single one left it cannot count them either: what it last said counts.
func filesOf(snapshots []snapshot) (open, most *int) {
	largest, limit := nan, nan
	for _, s := range snapshots {
		if n := s.figures[filesOpen]; !math.IsNaN(n) && !(n < largest) {
			largest = n
		}
		if n := s.figures[filesMax]; n < math.MaxInt32 { // beyond that there is none
			limit = n
		}
	}
	return integer(largest), integer(limit)
}

func markers() string {
	var names []string
	for _, d := range dialects {
		if d.kind == ofPool {
			names = append(names, d.markers...)
		}
	}
	return strings.Join(names, ", ")
}
