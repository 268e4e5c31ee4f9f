package prometheus

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// TestErrors counts errors by what the service calls them, from the first time
// that it counts any.
func TestErrors(t *testing.T) {
	at := func(second int, page string) snapshot {
		now := zero.Add(time.Duration(second) * time.Second)
		samples, err := parse(strings.NewReader(page), now, isRead)
		if err != nil {
			t.Fatal(err)
		}
		return reduce(now, samples)
	}
	const otel = "# TYPE db_client_operation_duration_seconds histogram\n"
	for name, c := range map[string]struct {
		pages [3]string
		want  []capability.ErrorClass
	}{
		"OpenTelemetry": {[3]string{
			otel + `db_client_operation_duration_seconds_count{db_operation_name="SELECT"} 100` + "\n",
			otel + `db_client_operation_duration_seconds_count{db_operation_name="SELECT"} 110` + "\n" + `db_client_operation_duration_seconds_count{db_response_status_code="53300",error_type="PgError"} 4` + "\n",
			otel + `db_client_operation_duration_seconds_count{db_operation_name="SELECT"} 120` + "\n" + `db_client_operation_duration_seconds_count{db_response_status_code="53300",error_type="PgError"} 9` + "\n" + `db_client_operation_duration_seconds_count{error_type="timeout"} 2` + "\n",
		}, []capability.ErrorClass{{Class: "53300", Count: 9}, {Class: "timeout", Count: 2}}},
		"a counter by SQLSTATE": {[3]string{
			"# TYPE db_errors_total counter\n" + `db_errors_total{sqlstate="57P01"} 3` + "\n",
			"# TYPE db_errors_total counter\n" + `db_errors_total{sqlstate="57P01"} 5` + "\n" + `db_errors_total{sqlstate="53300"} 1` + "\n",
			"# TYPE db_errors_total counter\n" + `db_errors_total{sqlstate="57P01"} 5` + "\n" + `db_errors_total{sqlstate="53300"} 7` + "\n",
		}, []capability.ErrorClass{{Class: "53300", Count: 7}, {Class: "57P01", Count: 2}}},
		"none counted": {[3]string{"", "", ""}, nil},
	} {
		h := history{replica: "a"}
		for i, page := range c.pages {
			h.add(at(i, page))
		}
		if got := errorsBetween([][]snapshot{h.snapshots}); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestErrorsOfTheOnset holds that what was met right before there was trouble
// enough is counted to it: a server that restarts says so once.
func TestErrorsOfTheOnset(t *testing.T) {
	h := poolLowered.replicas(1, 63)[0]
	for i := range h.snapshots {
		at := h.snapshots[i].at.Sub(zero).Seconds()
		h.snapshots[i].errors = map[string]float64{"57P01": step(59.5, 0, 7)(at), "42601": step(20, 0, 9)(at)}
	}
	out, err := poolOf([]history{h}, 10*time.Second)
	if want := []capability.ErrorClass{{Class: "57P01", Count: 7}}; err != nil || !slices.Equal(out.Now.Errors, want) {
		t.Errorf("%v: %+v, want %+v", err, out.Now.Errors, want)
	}
}

// TestOnsetOfFailures holds that what cannot wait, and fails at once, has a
// beginning, too, and a past to compare with.
func TestOnsetOfFailures(t *testing.T) {
	h := history{replica: "a"}
	done, failed := 0.0, 0.0
	for i := range 80 {
		s := emptySnapshot(zero.Add(time.Duration(i) * 250 * time.Millisecond))
		done += 25
		if i >= 40 {
			failed += 10
		}
		s.figures[poolMax], s.figures[poolAcquired], s.figures[poolWaiting] = 10, 2, 0
		s.figures[httpRequests], s.figures[httpFailed] = done, failed
		h.add(s)
	}
	out, err := poolOf([]history{h}, 10*time.Second)
	if err != nil || out.Onset == nil || !out.Onset.Equal(zero.Add(10*time.Second)) {
		t.Fatalf("%v, onset %v", err, out.Onset)
	}
	if out.Baseline == nil || *out.Baseline.ErrorRate != 0 || *out.Now.ErrorRate != 0.4 {
		t.Errorf("errors %v, were %+v", *out.Now.ErrorRate, out.Baseline)
	}
}

// TestHeldDone tells connections that are held after their queries from those
// in the middle of one, and says nothing where the counts do not tell.
func TestHeldDone(t *testing.T) {
	told := func(released, queried, acquired float64) history {
		h := history{replica: "a"}
		for i, f := range []float64{0, 1} {
			s := emptySnapshot(zero.Add(time.Duration(i) * time.Second))
			s.figures[poolAcquired] = acquired
			s.timings[holdTime].count, s.timings[queryTime].count = f*released, f*queried
			h.add(s)
		}
		return h
	}
	for name, c := range map[string]struct {
		released, queried, acquired float64
		want                        int // -1: null
	}{
		"leaked":                {1000, 1018, 20, 18},
		"in a query":            {1000, 1002, 20, 2},
		"two queries each":      {1000, 2030, 20, 15},
		"now one and now two":   {1000, 1400, 20, -1},
		"too little":            {10, 12, 5, -1},
		"more given back":       {1000, 900, 20, -1},
		"queries are not known": {1000, nan, 20, -1},
	} {
		got := heldDone([]history{told(c.released, c.queried, c.acquired)})
		if c.want < 0 && got != nil || c.want >= 0 && (got == nil || *got != c.want) {
			t.Errorf("%s: %v, want %d", name, got, c.want)
		}
	}
}
