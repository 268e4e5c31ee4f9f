package practice

import (
	"slices"
	"time"
)

// Health is what a drill calls healthy: limits that hold for a time.
type Health struct {
	ErrorRate float64       // below it
	P99       time.Duration // below it
	For       time.Duration
}

// Record is what a load has seen: complete buckets, in order of time.
type Record []Bucket

// Add returns the record with one more bucket in its place.
func (r Record) Add(b Bucket) Record {
	at, _ := slices.BinarySearchFunc(r, b, func(a, b Bucket) int { return a.At.Compare(b.At) })
	return slices.Insert(r, at, b)
}

// Between returns the buckets of [from, to); a zero time is open.
func (r Record) Between(from, to time.Time) Record {
	first, last := 0, len(r)
	if !from.IsZero() {
		first, _ = slices.BinarySearchFunc(r, from, func(b Bucket, t time.Time) int { return b.At.Compare(t) })
	}
	if !to.IsZero() {
		last, _ = slices.BinarySearchFunc(r, to, func(b Bucket, t time.Time) int { return b.At.Compare(t) })
	}
	return r[first:max(first, last)]
}

// Sum is the whole record as one bucket.
func (r Record) Sum() Bucket {
	var sum Bucket
	for i, b := range r {
		if i == 0 {
			sum.At = b.At
		}
		sum.OK += b.OK
		sum.Failed += b.Failed
		sum.Attempts += b.Attempts
		sum.Latencies.Merge(b.Latencies)
	}
	return sum
}

// Healthy finds the start of the first stretch, from a time on, that is
// healthy. A stretch with a bucket missing is not: something in it is
// still undecided.
func (r Record) Healthy(from time.Time, h Health) (time.Time, bool) {
	after := r.Between(from, time.Time{})
	need := int((h.For + BucketWidth - 1) / BucketWidth)
	for start := 0; start+need <= len(after); start++ {
		stretch := after[start : start+need]
		if stretch[need-1].At.Sub(stretch[0].At) != time.Duration(need-1)*BucketWidth {
			continue
		}
		if h.holds(stretch.Sum()) {
			return stretch[0].At, true
		}
	}
	return time.Time{}, false
}

func (h Health) holds(b Bucket) bool {
	total := b.OK + b.Failed
	return total > 0 && float64(b.Failed) < h.ErrorRate*float64(total) && b.Latencies.P99() < h.P99
}
