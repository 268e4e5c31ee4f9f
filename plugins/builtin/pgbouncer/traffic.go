package pgbouncer

import (
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	sampleEvery = 2 * time.Second
	keepFor     = 15 * time.Minute
	recently    = 10 * time.Second
)

// sample is what all databases together had done at one time, and how many
// clients waited then.
type sample struct {
	at           time.Time
	transactions float64
	queries      float64
	transactionS float64
	queryS       float64
	waitS        float64
	waiting      int
}

func sampleOf(at time.Time, pools, totals []row) sample {
	s := sample{at: at}
	for _, t := range totals {
		if t.isConsole() {
			continue
		}
		total := func(name string) float64 { return float64(t.int(name, "total_"+name)) }
		s.transactions += total("xact_count")
		s.queries += total("query_count")
		s.transactionS += total("xact_time") / 1e6
		s.queryS += total("query_time") / 1e6
		s.waitS += total("wait_time") / 1e6
	}
	for _, p := range pools {
		if !p.isConsole() {
			s.waiting += p.int("cl_waiting")
		}
	}
	return s
}

// past is the samples of the last quarter of an hour, oldest first.
type past []sample

// with returns the past and one sample more. What was before the counters
// began anew, when PgBouncer was restarted, is forgotten.
func (p past) with(s sample) past {
	if len(p) > 0 && (s.transactions < p[len(p)-1].transactions || s.queries < p[len(p)-1].queries) {
		p = nil
	}
	first, _ := slices.BinarySearchFunc(p, s.at.Add(-keepFor), func(s sample, at time.Time) int { return s.at.Compare(at) })
	return append(slices.Clone(p[first:]), s)
}

// onset is the index of the first sample since which clients have always been
// waiting; len(p) while none do.
func (p past) onset() int {
	i := len(p)
	for i > 0 && p[i-1].waiting > 0 {
		i--
	}
	return i
}

// figures compare the last seconds with what was before the onset, or before
// those seconds where there is no onset.
func (p past) figures() (now, baseline *capability.PoolerTraffic, onset *time.Time) {
	if len(p) == 0 {
		return nil, nil, nil
	}
	first, _ := slices.BinarySearchFunc(p, p[len(p)-1].at.Add(-recently), func(s sample, at time.Time) int { return s.at.Compare(at) })
	end := first
	if i := p.onset(); i < len(p) {
		// The sample before it counts: what began to wait did so after.
		first, end = max(first, i-1), i
		if i > 0 {
			at := p[i].at.UTC()
			onset = &at
		}
	}
	return between(p[first:]), between(p[:end]), onset
}

// between sums up what happened from the first sample to the last.
func between(p past) *capability.PoolerTraffic {
	if len(p) < 2 {
		return nil
	}
	a, b := p[0], p[len(p)-1]
	over := b.at.Sub(a.at).Seconds()
	if over <= 0 {
		return nil
	}
	mean := func(sum, n float64) *float64 {
		if n <= 0 {
			return nil
		}
		m := sum / n
		return &m
	}
	// PgBouncer's times run from when a client asks, and so hold the wait, too.
	n, wait := b.transactions-a.transactions, b.waitS-a.waitS
	return &capability.PoolerTraffic{
		From: a.at.UTC(), To: b.at.UTC(),
		TransactionsRPS: n / over, QueriesRPS: (b.queries - a.queries) / over,
		TransactionS: mean(max(0, b.transactionS-a.transactionS-wait), n),
		QueryS:       mean(max(0, b.queryS-a.queryS-wait), b.queries-a.queries),
		WaitS:        mean(wait, n),
	}
}
