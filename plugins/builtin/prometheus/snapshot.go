package prometheus

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// snapshot is what one replica said at one instant. A figure that it did not
// say is NaN, which arithmetic carries along to the end, where it is null.
type snapshot struct {
	at      time.Time
	figures [figures]float64
	timings [timings]distribution
	errors  map[string]float64 // of the database's client, by class; counters
	exports
}

// distribution is a histogram of durations in seconds. Without buckets only
// its mean is known.
type distribution struct {
	count, sum float64
	bounds     []float64 // upper bounds, ascending, the last one infinite
	cumulative []float64 // how many were at or below each bound
}

var nan = math.NaN()

func emptySnapshot(at time.Time) snapshot {
	s := snapshot{at: at}
	for i := range s.figures {
		s.figures[i] = nan
	}
	for i := range s.timings {
		s.timings[i] = distribution{count: nan, sum: nan}
	}
	return s
}

// reduce makes a snapshot of the samples of one replica at one instant.
func reduce(at time.Time, samples model.Vector) snapshot {
	s := emptySnapshot(at)
	byName := map[string][]*model.Sample{}
	for _, sample := range samples {
		name := string(sample.Metric[model.MetricNameLabel])
		if v := float64(sample.Value); !math.IsNaN(v) && !math.IsInf(v, 0) {
			byName[name] = append(byName[name], sample)
		}
	}
	spoken := map[kind]bool{}
	for _, d := range dialects {
		if d.kind != ofMore {
			if spoken[d.kind] || !slices.ContainsFunc(d.markers, func(m string) bool { return byName[m] != nil }) {
				continue
			}
			spoken[d.kind] = true
		}
		s.read(d, byName)
	}
	s.errors = errorsOf(byName)
	s.exports = exportsOf(byName)
	return s
}

func (s *snapshot) read(d dialect, byName map[string][]*model.Sample) {
	for name, f := range d.figures {
		for _, sample := range byName[name] {
			s.count(f, float64(sample.Value))
		}
	}
	for name, by := range d.split {
		for _, sample := range byName[name] {
			if f, ok := by.figure(sample.Metric); ok {
				s.count(f, float64(sample.Value))
			}
		}
	}
	for _, sample := range byName[d.requests] {
		failed := 0.0
		if isFailure(sample.Metric) {
			failed = float64(sample.Value)
		}
		s.count(httpRequests, float64(sample.Value))
		s.count(httpFailed, failed)
	}
	for name, t := range d.totals {
		for _, sample := range byName[name] {
			if t.isSum {
				add(&s.timings[t.of].sum, float64(sample.Value)*t.scale)
			} else {
				add(&s.timings[t.of].count, float64(sample.Value))
			}
		}
	}
	for name, t := range d.timings {
		h := &s.timings[t.of]
		for _, sample := range byName[name+"_count"] {
			add(&h.count, float64(sample.Value))
		}
		for _, sample := range byName[name+"_sum"] {
			add(&h.sum, float64(sample.Value)*t.scale)
		}
		h.readBuckets(byName[name+"_bucket"], t.scale)
		if t.of == requestTime {
			s.readByStatus(byName[name+"_count"], byName[name+"_sum"], t.scale)
		}
	}
}

// readByStatus tells how long requests took that were served from how long those
// took that failed, where their status is said.
func (s *snapshot) readByStatus(counts, sums []*model.Sample, scale float64) {
	of := func(metric model.Metric) *distribution {
		switch code := statusOf(metric); {
		case code == "":
			return nil
		case strings.HasPrefix(code, "5"):
			return &s.timings[failedTime]
		default:
			return &s.timings[servedTime]
		}
	}
	for _, sample := range counts {
		if d := of(sample.Metric); d != nil {
			add(&d.count, float64(sample.Value))
		}
	}
	for _, sample := range sums {
		if d := of(sample.Metric); d != nil {
			add(&d.sum, float64(sample.Value)*scale)
		}
	}
}

// count adds a series to a figure.
func (s *snapshot) count(f figure, v float64) {
	if f.isLargest() && s.figures[f] >= v {
		return
	}
	if f.isLargest() {
		s.figures[f] = nan
	}
	add(&s.figures[f], v)
}

// figure says which one a series is of: none where its value is not named.
func (s split) figure(metric model.Metric) (figure, bool) {
	for _, label := range s.labels {
		if value, ok := metric[label]; ok {
			if f, ok := s.values[string(value)]; ok {
				return f, true
			}
			return s.others, s.others != poolMax
		}
	}
	return 0, false
}

func (h *distribution) readBuckets(samples []*model.Sample, scale float64) {
	if len(samples) == 0 {
		return
	}
	sums := map[float64]float64{}
	for _, sample := range samples {
		bound, err := strconv.ParseFloat(string(sample.Metric[model.BucketLabel]), 64)
		if err == nil {
			sums[bound*scale] += float64(sample.Value)
		}
	}
	for bound := range sums {
		h.bounds = append(h.bounds, bound)
	}
	slices.Sort(h.bounds)
	for _, bound := range h.bounds {
		h.cumulative = append(h.cumulative, sums[bound])
	}
}

// isFailure counts what the service could not do: the 5xx, refused ones
// included.
func isFailure(metric model.Metric) bool {
	return strings.HasPrefix(statusOf(metric), "5")
}

// statusOf is the status of the requests that a series counts; empty: it is not
// said.
func statusOf(metric model.Metric) string {
	for _, label := range codeLabels {
		if code, ok := metric[label]; ok {
			return string(code)
		}
	}
	return ""
}

// add adds to a sum that is NaN while it is empty.
func add(sum *float64, v float64) {
	if math.IsNaN(*sum) {
		*sum = 0
	}
	*sum += v
}
