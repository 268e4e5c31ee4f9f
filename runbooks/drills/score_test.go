package drills

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/runbooks/drills/practice"
)

var epoch = time.Date(2026, 7, 15, 10, 20, 0, 0, time.UTC)

func after(s float64) time.Time { return epoch.Add(time.Duration(s * float64(time.Second))) }

// observed is a good drill: 28 requests in each bucket, one of them failing in
// those between 4 and 6 s.
func observed() Observation {
	o := Observation{
		Injected: epoch, Alerted: after(0.5), CauseFound: after(1.75), RolledBack: after(4.25), Healthy: after(8),
		RaisedBy: "drill", Cause: "app_pool_too_small", Ended: "succeeded", People: []Interval{{after(2), after(4)}},
	}
	for i := -20; i < 250; i++ {
		b := practice.Bucket{At: after(float64(i) / 10), OK: 28}
		if i >= 40 && i < 60 {
			b.OK, b.Failed = 27, 1
		}
		o.Load = o.Load.Add(b)
	}
	return o
}

func TestScoreIsTheAgreedLine(t *testing.T) {
	got, err := json.Marshal(Score(shipped(t), observed()))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"type":"drill_finished","passed":true,"cause":"app_pool_too_small",` +
		`"seconds":{"injection_to_alert":0.5,"alert_to_cause":1.25,"waiting_on_people":2,"cause_to_rollback":2.5,"alert_to_healthy":7.5,"injection_to_healthy":8},` +
		`"alert":{"by":"drill","before_errors":true,"first_failed":4,"resolved":null},` +
		`"requests":{"failed":20,"failed_after_rollback":17,"total":5040},` +
		`"goals":[{"name":"injection_to_alert","limit":1,"value":0.5,"met":true},{"name":"alert_to_cause","limit":3,"value":1.25,"met":true},` +
		`{"name":"cause_to_rollback_less_people","limit":2,"value":0.5,"met":true},{"name":"alert_to_healthy_less_people","limit":15,"value":5.5,"met":true}]}`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestScoreFails(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Observation)
		want  string
	}{
		"the wrong cause":              {func(o *Observation) { o.Cause = "slow_query" }, `"cause":"slow_query"`},
		"the run failed":               {func(o *Observation) { o.Ended = "failed_dirty" }, `"passed":false`},
		"never healthy":                {func(o *Observation) { o.Healthy = time.Time{} }, `"alert_to_healthy":null,"injection_to_healthy":null`},
		"no cause":                     {func(o *Observation) { o.Cause, o.CauseFound = "", time.Time{} }, `"alert_to_cause":null`},
		"Prometheus never resolved it": {func(o *Observation) { o.RaisedBy = "prometheus" }, `"resolved":null`},
		"never rolled back":            {func(o *Observation) { o.RolledBack, o.Healthy = time.Time{}, time.Time{} }, `"value":null,"met":false`},
	} {
		t.Run(name, func(t *testing.T) {
			o := observed()
			c.spoil(&o)
			r := Score(shipped(t), o)
			line, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			if r.Passed || !strings.Contains(string(line), c.want) {
				t.Errorf("got %s", line)
			}
		})
	}
}

func TestASlowDrillPassesAndMissesItsGoals(t *testing.T) {
	o := observed()
	o.Alerted, o.CauseFound, o.RolledBack, o.Healthy = after(2), after(10), after(20), after(30)
	r := Score(shipped(t), o)
	if !r.Passed {
		t.Error("timings must not decide whether it passed")
	}
	for _, g := range r.Goals {
		if g.Met {
			t.Errorf("%+v was not met", g)
		}
	}
}

func TestAnAlertAfterTheErrorsIsSaidToBe(t *testing.T) {
	for name, c := range map[string]struct {
		alerted float64
		load    bool
		want    bool
	}{
		"before the first that failed": {3.9, true, true},
		"with it":                      {4, true, false},
		"none failed":                  {4, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := observed()
			o.Alerted = after(c.alerted)
			if !c.load {
				o.Load = nil
			}
			if a := Score(shipped(t), o).Alert; a.BeforeErrors != c.want || (a.FirstFailed != nil) != c.load {
				t.Errorf("got %+v", a)
			}
		})
	}
}

func TestWhatPrometheusRaisesMustBeResolved(t *testing.T) {
	o := observed()
	o.RaisedBy, o.Resolved = "prometheus", after(9)
	if r := Score(shipped(t), o); !r.Passed || *r.Alert.Resolved != 9 {
		t.Errorf("got %+v", r)
	}
}

func TestOverlap(t *testing.T) {
	for name, c := range map[string]struct {
		people   []Interval
		from, to time.Time
		want     float64
	}{
		"nobody asked":       {nil, epoch, after(10), 0},
		"within":             {[]Interval{{after(1), after(3)}}, epoch, after(10), 2},
		"clipped":            {[]Interval{{after(1), after(3)}, {after(9), after(12)}}, after(2), after(10), 2},
		"side by side":       {[]Interval{{after(1), after(4)}, {after(2), after(3)}, {after(3), after(5)}}, epoch, after(10), 4},
		"unsorted, all time": {[]Interval{{after(5), after(6)}, {after(1), after(2)}}, time.Time{}, time.Time{}, 2},
		"outside":            {[]Interval{{after(11), after(12)}}, epoch, after(10), 0},
	} {
		if got := overlap(c.people, c.from, c.to).Seconds(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestWorst(t *testing.T) {
	good := Score(shipped(t), observed())
	o := observed()
	o.Alerted, o.Cause, o.Healthy = after(1.5), "traffic_spike", time.Time{}
	w := worst(shipped(t), []Result{good, Score(shipped(t), o), good})
	if w.Seeds != 3 || w.Passed != 2 || w.Wrong != 1 {
		t.Errorf("got %+v", w)
	}
	if *w.Seconds.InjectionToAlert != 1.5 || w.Seconds.AlertToHealthy != nil || *w.Seconds.AlertToCause != 1.25 {
		t.Errorf("not the worst of each: %+v", w.Seconds)
	}
	if w.Goals[0].Met || *w.Goals[0].Value != 1.5 || !w.Goals[1].Met || w.Goals[3].Met || w.Goals[3].Value != nil {
		t.Errorf("not the worst of each goal: %+v", w.Goals)
	}
	if *good.Goals[0].Value != 0.5 {
		t.Error("summing up changed a result")
	}
}

func TestWhatPeopleRead(t *testing.T) {
	s := shipped(t)
	never := observed()
	never.Healthy = time.Time{}
	results := []Result{Score(s, observed()), Score(s, never)}
	var got strings.Builder
	for _, r := range results {
		if err := WriteResult(&got, s, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := WriteWorst(&got, s, worst(s, results)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []ControlResult{{Passed: true, BrokenFor: 60, ErrorRate: 0.321, P99: 15}, {BrokenFor: 29.9}} {
		if err := WriteControl(&got, c); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/people.golden")
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

func TestControlVerdict(t *testing.T) {
	// A minute of load that is broken until the given second; a stretch may begin
	// with a bucket of failures, as long as they are less than 1 % of it.
	load := func(until int, failed int, latency time.Duration) practice.Record {
		var r practice.Record
		for i := range 600 {
			b := practice.Bucket{At: after(float64(i) / 10), OK: 10}
			b.Latencies.Add(100 * time.Millisecond)
			if i < until*10 {
				b.OK, b.Failed = 10-failed, failed
				b.Latencies.Add(latency)
			}
			r = r.Add(b)
		}
		return r
	}
	s := shipped(t)
	for name, c := range map[string]struct {
		load   practice.Record
		want   bool
		broken float64
	}{
		"errors to the end":   {load(60, 5, 0), true, 60},
		"slow to the end":     {load(60, 0, 3*time.Second), true, 60},
		"healed by itself":    {load(30, 5, 0), false, 29.9},
		"was never broken":    {load(0, 0, 0), false, 0.5},
		"nothing was decided": {nil, false, 60},
	} {
		if r := control(s, epoch, after(0.5), time.Minute, c.load); r.Passed != c.want || r.BrokenFor != c.broken {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
