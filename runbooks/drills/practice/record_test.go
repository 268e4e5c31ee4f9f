package practice

import (
	"testing"
	"time"
)

var epoch = time.Date(2024, 7, 15, 10, 23, 0, 0, time.UTC)

// record has one bucket for each letter: '.' good, 'x' failed, 's' slow,
// ' ' missing.
func record(letters string) Record {
	var r Record
	for i, letter := range letters {
		b := Bucket{At: epoch.Add(time.Duration(i) * BucketWidth), Attempts: 10}
		switch letter {
		case '.':
			b.OK, b.Latencies[0] = 10, 10
		case 'x':
			b.Failed, b.Latencies[0] = 10, 10
		case 's':
			b.OK = 10
			for range 10 {
				b.Latencies.Add(2 * time.Second)
			}
		case ' ':
			continue
		}
		r = r.Add(b)
	}
	return r
}

func TestHealthy(t *testing.T) {
	h := Health{ErrorRate: 0.01, P99: 500 * time.Millisecond, For: 5 * BucketWidth}
	for name, c := range map[string]struct {
		letters string
		from    int
		want    int // bucket; -1: never
	}{
		"at once":                   {".....", 0, 0},
		"too short":                 {"....", 0, -1},
		"after failures":            {"xx.....", 0, 2},
		"after slowness":            {"..ss.....", 0, 4},
		"interrupted":               {"....x....x.....", 0, 10},
		"not before from":           {"..........", 3, 3},
		"a gap is undecided":        {"... ......", 0, 4},
		"never, when it never ends": {"xxxxxxxx", 0, -1},
		"nothing seen":              {"", 0, -1},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := record(c.letters).Healthy(epoch.Add(time.Duration(c.from)*BucketWidth), h)
			if ok != (c.want >= 0) || ok && !got.Equal(epoch.Add(time.Duration(c.want)*BucketWidth)) {
				t.Errorf("got %s, %v; want bucket %d", got.Sub(epoch), ok, c.want)
			}
		})
	}
}

func TestHealthyToleratesLessThanTheLimit(t *testing.T) {
	h := Health{ErrorRate: 0.01, P99: 500 * time.Millisecond, For: 20 * BucketWidth}
	r := record("....................") // 200 requests
	r[5].OK, r[5].Failed = 9, 1
	if at, ok := r.Healthy(epoch, h); !ok || !at.Equal(epoch) {
		t.Error("1 failure in 200 is below 1 %")
	}
	r[6].OK, r[6].Failed = 9, 1
	if _, ok := r.Healthy(epoch, h); ok {
		t.Error("2 failures in 200 are not below 1 %")
	}
}

func TestRecordKeepsOrderAndSums(t *testing.T) {
	b := record(".x s")
	r := Record{}.Add(b[2]).Add(b[0]).Add(b[1])
	if !r[0].At.Equal(epoch) || !r[2].At.Equal(epoch.Add(3*BucketWidth)) {
		t.Fatalf("not in order: %v", r)
	}
	if sum := r.Sum(); sum.OK != 20 || sum.Failed != 10 || sum.Attempts != 30 {
		t.Errorf("sum %+v", sum)
	}
	if n := len(r.Between(epoch.Add(BucketWidth), epoch.Add(3*BucketWidth))); n != 1 {
		t.Errorf("%d buckets between, want 1", n)
	}
	if r.Complete(epoch, epoch.Add(3*BucketWidth)) || !r.Complete(epoch, epoch.Add(2*BucketWidth)) {
		t.Error("complete does not see the gap")
	}
}

func TestP99(t *testing.T) {
	var h Histogram
	if h.P99() != 0 {
		t.Error("of nothing")
	}
	for range 99 {
		h.Add(90 * time.Millisecond)
	}
	h.Add(time.Hour)
	if got := h.P99(); got != 100*time.Millisecond {
		t.Errorf("99 of 100 below 100 ms: %s", got)
	}
	h.Add(time.Hour)
	if got := h.P99(); got != 40*time.Second {
		t.Errorf("beyond the last bound: %s", got)
	}
}
