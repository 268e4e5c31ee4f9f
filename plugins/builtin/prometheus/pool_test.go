package prometheus

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

// poolLowered is a service of five replicas that needs 30 connections; its
// pools go from 50 to 20 together at second 60.
var poolLowered = load{max: step(60, 10, 4), offered: always(60), hold: always(0.1)}

// TestOnset holds that the onset is found, soon after the change and long
// after it.
func TestOnset(t *testing.T) {
	for _, after := range []float64{0.75, 1, 2, 5, 15, 60, 240} {
		out, err := poolOf(poolLowered.replicas(5, 60+after), 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if out.Onset == nil {
			t.Errorf("%v s after the change: no onset", after)
			continue
		}
		if late := out.Onset.Sub(zero.Add(time.Minute)); late < 0 || late > finest(after) {
			t.Errorf("%v s after the change: onset %s after it", after, late)
		}
		near(t, "max", whole(out.Now.Max), 20, 0)
		near(t, "acquired", whole(out.Now.Acquired), 20, 0)
		near(t, "hold", *out.Now.HoldS, 0.1, 0.01)
		near(t, "offered", *out.Now.OfferedRPS, 300, 15)
		near(t, "first attempts", *out.Now.FirstAttemptsRPS, 300, 15)
		near(t, "releases", *out.Now.ReleasesRPS, 200, 25)
		if out.Now.From.Before(out.Onset.Add(-time.Second)) && after > 1 {
			t.Errorf("now begins %s before the onset", out.Onset.Sub(out.Now.From))
		}
		if out.Baseline == nil {
			t.Errorf("%v s after the change: no baseline", after)
			continue
		}
		near(t, "baseline max", whole(out.Baseline.Max), 50, 0)
		near(t, "baseline acquired", whole(out.Baseline.Acquired), 30, 0)
		near(t, "baseline waiting", whole(out.Baseline.Waiting), 0, 0)
		near(t, "baseline offered", *out.Baseline.OfferedRPS, 300, 5)
		if out.Baseline.To.After(*out.Onset) {
			t.Errorf("baseline ends after the onset")
		}
	}
}

// TestMomentsAreNoOnset holds that moments in which some waited, as a small
// pool has them, are not the beginning of the trouble that came after.
func TestMomentsAreNoOnset(t *testing.T) {
	histories := poolLowered.replicas(5, 63)
	for _, h := range histories {
		for i, s := range h.snapshots {
			if before := 60 - s.at.Sub(zero).Seconds(); before == 1 || before == 2 || before == 3.5 {
				h.snapshots[i].figures[poolWaiting] = 4
			}
		}
	}
	out, err := poolOf(histories, 10*time.Second)
	if err != nil || out.Onset == nil || out.Onset.Before(zero.Add(time.Minute)) {
		t.Errorf("onset %v, %v; it began at %s", out.Onset, err, zero.Add(time.Minute))
	}
}

// TestExporterIsNoReplica holds that who has spoken, and never of a pool, is no
// replica that is missed.
func TestExporterIsNoReplica(t *testing.T) {
	exporter := history{replica: "exporter"}
	s := emptySnapshot(zero)
	s.figures[databaseUp] = 1
	exporter.add(s)
	if exporter.isReplica() || !(history{replica: "unheard"}).isReplica() || !poolLowered.replicas(1, 1)[0].isReplica() {
		t.Error("what has a pool, or has said nothing yet, is a replica, and an exporter is none")
	}
}

func TestHealthyHasNoOnset(t *testing.T) {
	out, err := poolOf(load{max: always(10), offered: always(60), hold: always(0.1)}.replicas(5, 30), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if out.Onset != nil || out.Baseline == nil || len(out.Replicas) != 5 {
		t.Errorf("onset %v, baseline %+v, %d replicas", out.Onset, out.Baseline, len(out.Replicas))
	}
	near(t, "window", out.Now.To.Sub(out.Now.From).Seconds(), 10, 0)
}

// TestTroubleAllAlong holds that what was never well is no baseline.
func TestTroubleAllAlong(t *testing.T) {
	for _, seconds := range []float64{1, 5, 30} {
		out, err := poolOf(load{max: always(4), offered: always(60), hold: always(0.1)}.replicas(5, seconds), 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if out.Onset != nil || out.Baseline != nil {
			t.Errorf("after %v s: onset %v, baseline %+v; want neither", seconds, out.Onset, out.Baseline)
		}
	}
}

func TestTroubleOver(t *testing.T) {
	recovered := load{max: func(at float64) float64 {
		if at >= 60 && at < 70 {
			return 4
		}
		return 10
	}, offered: always(60), hold: always(0.1)}
	out, err := poolOf(recovered.replicas(5, 120), 10*time.Second)
	if err != nil || out.Onset != nil {
		t.Errorf("onset %v, %v; want none", out.Onset, err)
	}
}

// TestOnsetWithoutQueue holds for a dialect that tells the wait, not the queue.
func TestOnsetWithoutQueue(t *testing.T) {
	histories := poolLowered.replicas(5, 62)
	for _, h := range histories {
		for i := range h.snapshots {
			h.snapshots[i].figures[poolWaiting] = nan
		}
	}
	out, err := poolOf(histories, 10*time.Second)
	if err != nil || out.Onset == nil || out.Onset.Sub(zero.Add(time.Minute)) > 700*time.Millisecond {
		t.Errorf("onset %v, %v", out.Onset, err)
	}
	if out.Now.Waiting != nil || out.Replicas[0].Waiting != nil {
		t.Error("a queue that was not told has a length")
	}
}

func TestNoPool(t *testing.T) {
	h := history{replica: "a"}
	h.add(emptySnapshot(zero))
	h.add(emptySnapshot(zero.Add(time.Second)))
	_, err := poolOf([]history{h}, time.Second)
	var f *plugins.Failure
	if !errors.As(err, &f) || f.Class != plugins.NotFound {
		t.Errorf("error %v, want not_found", err)
	}
}

func TestHealth(t *testing.T) {
	healthy := load{max: always(10), offered: always(60), hold: always(0.1)}.replicas(5, 30)
	broken := poolLowered.replicas(5, 75)
	idle := load{max: always(10), offered: always(1), hold: always(0.1)}.replicas(1, 30)
	end := zero.Add(30 * time.Second)

	out, err := healthOf(healthy, 5*time.Second, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "requests", float64(out.Requests), 1500, 20)
	near(t, "error rate", *out.ErrorRate, 0, 0)
	near(t, "waiting", whole(out.Waiting), 0, 0)
	if *out.P99S < 0.05 || *out.P99S > 0.1 {
		t.Errorf("p99 %v, want it in the bucket of 0.1", *out.P99S)
	}

	out, err = healthOf(broken, 5*time.Second, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "error rate", *out.ErrorRate, 1.0/3, 0.02)
	if *out.P99S < 2 || *out.Waiting < 100 {
		t.Errorf("p99 %v, waiting %v", *out.P99S, *out.Waiting)
	}

	out, err = healthOf(healthy, 5*time.Second, end.Add(-2*time.Second))
	if err != nil || out.From.Before(end.Add(-2*time.Second)) {
		t.Errorf("from %v, %v: a sample of before counts", out.From, err)
	}

	for name, try := range map[string]func() error{
		"no requests":   func() error { _, err := healthOf(idle, 5*time.Second, time.Time{}); return err },
		"nothing newer": func() error { _, err := healthOf(healthy, 5*time.Second, end.Add(time.Second)); return err },
		"one sample":    func() error { _, err := healthOf(healthy, 5*time.Second, end); return err },
		"no history":    func() error { _, err := healthOf(nil, 5*time.Second, time.Time{}); return err },
	} {
		var f *plugins.Failure
		if err := try(); !errors.As(err, &f) || f.Class != plugins.Inconclusive {
			t.Errorf("%s: %v, want inconclusive", name, err)
		}
	}
}

// TestRestartedReplica holds that a counter which begins anew counts from 0.
func TestRestartedReplica(t *testing.T) {
	h := history{replica: "a"}
	for i, v := range []float64{100, 110, 120, 4, 14} {
		s := emptySnapshot(zero.Add(time.Duration(i) * time.Second))
		s.figures[httpRequests] = v
		s.timings[holdTime] = distribution{count: v, sum: v / 10, bounds: []float64{1, math.Inf(1)}, cumulative: []float64{v, v}}
		h.add(s)
	}
	near(t, "increase", increase(h.snapshots, httpRequests), 34, 0)
	d := accumulated(h.snapshots, holdTime)
	near(t, "count", d.count, 34, 0)
	near(t, "mean", d.mean(), 0.1, 1e-9)
	near(t, "bucket", d.cumulative[0], 34, 0)
	if v := increase(h.snapshots, poolTimeouts); !math.IsNaN(v) {
		t.Errorf("what was never said grew by %v", v)
	}
}

func TestQuantile(t *testing.T) {
	d := distribution{count: 100, bounds: []float64{0.1, 0.2, 0.4, math.Inf(1)}, cumulative: []float64{50, 90, 98, 100}}
	for q, want := range map[float64]float64{0.5: 0.1, 0.9: 0.2, 0.7: 0.15, 0.99: 0.4, 1: 0.4} {
		near(t, "quantile", d.quantile(q), want, 1e-9)
	}
	if v := (distribution{}).quantile(0.5); !math.IsNaN(v) {
		t.Errorf("quantile of nothing is %v", v)
	}
	if v := (distribution{bounds: []float64{1, math.Inf(1)}, cumulative: []float64{0, 0}}).quantile(0.99); !math.IsNaN(v) {
		t.Errorf("quantile of no observation is %v", v)
	}
}

func TestHistoryForgets(t *testing.T) {
	h := history{replica: "a"}
	for i := range 20 * 60 * 4 {
		h.add(emptySnapshot(zero.Add(time.Duration(i) * 250 * time.Millisecond)))
	}
	newest := h.snapshots[len(h.snapshots)-1].at
	if age := newest.Sub(h.snapshots[0].at); age > keepFor || age < keepFor-2*keepOneIn {
		t.Errorf("reaches %s back, want %s", age, keepFor)
	}
	fine := h.between(newest.Add(-keepAllFor), newest)
	if len(fine) != 481 {
		t.Errorf("%d snapshots in the last %s, want 481", len(fine), keepAllFor)
	}
	coarse := h.between(newest.Add(-keepFor), newest.Add(-keepAllFor-time.Second))
	if want := int((keepFor - keepAllFor) / keepOneIn); len(coarse) < want-5 || len(coarse) > want+5 {
		t.Errorf("%d snapshots before, want about %d", len(coarse), want)
	}
	for i := 1; i < len(h.snapshots); i++ {
		if !h.snapshots[i].at.After(h.snapshots[i-1].at) {
			t.Fatal("not in order")
		}
	}
	h.add(h.snapshots[0])
	if h.snapshots[len(h.snapshots)-1].at != newest {
		t.Error("an old snapshot was taken")
	}
}

// finest is how well an onset of so many seconds ago can be told: what is
// long ago is thinned out.
func finest(ago float64) time.Duration {
	if ago > keepAllFor.Seconds() {
		return keepOneIn
	}
	return 500 * time.Millisecond
}

func whole(v *int) float64 {
	if v == nil {
		return nan
	}
	return float64(*v)
}

func near(t *testing.T, what string, have, want, within float64) {
	t.Helper()
	if math.IsNaN(have) || math.Abs(have-want) > within {
		t.Errorf("%s is %v, want %v ± %v", what, have, want, within)
	}
}

// TestFewestOpen holds that a moment without connections is seen after it, as a
// restart of the server makes it, and that a replica which is not heard is none.
func TestFewestOpen(t *testing.T) {
	restart := func() []history {
		histories := poolLowered.replicas(2, 62)
		for _, h := range histories {
			for i, s := range h.snapshots {
				if at := s.at.Sub(zero).Seconds(); at == 60.25 {
					h.snapshots[i].figures[poolAcquired], h.snapshots[i].figures[poolIdle] = 1, 0
				}
			}
		}
		return histories
	}
	if out, err := poolOf(restart(), 10*time.Second); err != nil || out.Fewest == nil || *out.Fewest != 2 {
		t.Errorf("%v, fewest %v, want the 2 of one moment", err, out.Fewest)
	}
	if out, err := poolOf(poolLowered.replicas(2, 62), 10*time.Second); err != nil || out.Fewest == nil || *out.Fewest != 8 {
		t.Errorf("%v, fewest %v, want the 8 that there are", err, out.Fewest)
	}
	healthy := load{max: always(10), offered: always(60), hold: always(0.1)}.replicas(2, 30)
	if out, err := poolOf(healthy, 10*time.Second); err != nil || out.Fewest != nil {
		t.Errorf("%v, fewest %v of one that is well", err, out.Fewest)
	}
	silent := poolLowered.replicas(2, 70)
	silent[1].snapshots = slices.DeleteFunc(silent[1].snapshots, func(s snapshot) bool { return s.at.Sub(zero) > 65*time.Second })
	if out, err := poolOf(silent, 10*time.Second); err != nil || out.Fewest == nil || *out.Fewest != 8 {
		t.Errorf("%v, fewest %v with a replica that is not heard, want 8", err, out.Fewest)
	}
}

// TestFiles holds that most files count that a replica said it had open since the
// onset: without one left it may say nothing.
func TestFiles(t *testing.T) {
	said := func(most float64, open ...float64) []history {
		histories := poolLowered.replicas(2, 62)
		snapshots := histories[0].snapshots
		for i := range open {
			s := &snapshots[len(snapshots)-len(open)+i]
			s.figures[filesOpen], s.figures[filesMax] = open[i], most
		}
		return histories
	}
	out, err := poolOf(said(1024, 900, 1023, nan), 10*time.Second)
	if err != nil || out.Replicas[0].FilesOpen == nil || *out.Replicas[0].FilesOpen != 1023 || *out.Replicas[0].FilesMax != 1024 {
		t.Errorf("%v, %+v: want 1023 of 1024", err, out.Replicas)
	}
	if out.Replicas[1].FilesOpen != nil || out.Replicas[1].FilesMax != nil {
		t.Errorf("%+v: nothing was said of its files", out.Replicas[1])
	}
	if out, err = poolOf(said(1<<64, 900, 901), 10*time.Second); err != nil || *out.Replicas[0].FilesOpen != 901 || out.Replicas[0].FilesMax != nil {
		t.Errorf("%v, %+v: want 901 of as many as it likes", err, out.Replicas)
	}
}
