package practice

import "time"

// BucketWidth is how much scheduled time one [Bucket] covers.
const BucketWidth = 100 * time.Millisecond

// latencies are the upper bounds of a bucket's latency counts; one more count
// holds what was slower than the last.
var latencies = [...]time.Duration{
	100 * time.Millisecond, 125 * time.Millisecond, 150 * time.Millisecond, 200 * time.Millisecond,
	250 * time.Millisecond, 300 * time.Millisecond, 400 * time.Millisecond, 450 * time.Millisecond, 500 * time.Millisecond,
	750 * time.Millisecond, time.Second, 1500 * time.Millisecond, 2 * time.Second, 3 * time.Second,
	4 * time.Second, 6 * time.Second, 9 * time.Second, 12 * time.Second, 15 * time.Second, 20 * time.Second,
}

// Histogram counts latencies up to fixed bounds, from 100 ms to 20 s.
type Histogram [len(latencies) + 1]int

// Add counts one latency.
func (h *Histogram) Add(d time.Duration) {
	for i, bound := range latencies {
		if d <= bound {
			h[i]++
			return
		}
	}
	h[len(latencies)]++
}

// P99 is the bound below which 99 of 100 lie: an upper estimate, exact at the
// bounds. Beyond the last bound it is twice that bound; of nothing it is 0.
func (h Histogram) P99() time.Duration {
	total := 0
	for _, n := range h {
		total += n
	}
	need, seen := (total*99+99)/100, 0
	for i, bound := range latencies {
		if seen += h[i]; seen >= need {
			if total == 0 {
				return 0
			}
			return bound
		}
	}
	return 2 * latencies[len(latencies)-1]
}

// Bucket is what became of the requests whose scheduled time lies in the
// BucketWidth from At on. A request is a first attempt with its retries; its
// latency runs from the scheduled time to the end of its last attempt.
type Bucket struct {
	At        time.Time `json:"at"`
	OK        int       `json:"ok"`
	Failed    int       `json:"failed"` // the last attempt failed
	Attempts  int       `json:"attempts"`
	Latencies Histogram `json:"latencies"`
}

func (b *Bucket) add(other Bucket)    { b.count(other, 1) }
func (b *Bucket) remove(other Bucket) { b.count(other, -1) }

func (b *Bucket) count(other Bucket, sign int) {
	b.OK += sign * other.OK
	b.Failed += sign * other.Failed
	b.Attempts += sign * other.Attempts
	for i, n := range other.Latencies {
		b.Latencies[i] += sign * n
	}
}
