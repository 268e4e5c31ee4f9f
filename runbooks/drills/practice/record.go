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

// Sum is the whole record as one bucket, without a time.
func (r Record) Sum() Bucket {
	var sum Bucket
	for _, b := range r {
		sum.add(b)
	}
	return sum
}

// Complete says if every bucket of [from, to) is there.
func (r Record) Complete(from, to time.Time) bool {
	from, to = from.Truncate(BucketWidth), to.Truncate(BucketWidth)
	return len(r.Between(from, to)) >= int(to.Sub(from)/BucketWidth)
}

// Healthy finds the start of the first stretch, from a time on, that is
// healthy. A stretch with a bucket missing is not: something in it is
// still undecided.
func (r Record) Healthy(from time.Time, h Health) (time.Time, bool) {
	after := r.Between(from, time.Time{})
	need := int((h.For + BucketWidth - 1) / BucketWidth)
	var sum Bucket
	for i, b := range after {
		sum.add(b)
		if i < need-1 {
			continue
		}
		first := after[i-need+1]
		if b.At.Sub(first.At) == time.Duration(need-1)*BucketWidth && h.holds(sum) {
			return first.At, true
		}
		sum.remove(first)
	}
	return time.Time{}, false
}

func (h Health) holds(b Bucket) bool {
	total := b.OK + b.Failed
	return total > 0 && float64(b.Failed) < h.ErrorRate*float64(total) && b.Latencies.P99() < h.P99
}
