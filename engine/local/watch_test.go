package local

import (
	"context"
	"slices"
	"testing"

	"github.com/firebreak-ops/firebreak/engine"
)

func TestWatch(t *testing.T) {
	w := begin(t, newMemory(), newHands(t))
	id := w.start(fix, "")
	q := w.asked(id, engine.AskGate)
	r, err := w.Run(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}

	// A watcher that reads nothing holds up nobody.
	slow, err := w.Watch(t.Context(), id, 1)
	if err != nil {
		t.Fatal(err)
	}
	late, err := w.Watch(t.Context(), id, r.Seq+1)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Give(t.Context(), id, yes(q)); err != nil {
		t.Fatal(err)
	}
	var fromLate []int
	for rec := range late {
		fromLate = append(fromLate, rec.Seq)
	}
	var fromSlow []int
	for rec := range slow {
		fromSlow = append(fromSlow, rec.Seq)
	}
	n := len(w.mem.kinds(id))
	if len(fromSlow) != n || fromSlow[0] != 1 || !slices.IsSorted(fromSlow) {
		t.Errorf("the slow one saw %v of %d", fromSlow, n)
	}
	if !slices.Equal(fromLate, fromSlow[r.Seq:]) {
		t.Errorf("the late one saw %v, want %v", fromLate, fromSlow[r.Seq:])
	}
	// One that comes after the end sees all of it, and its end.
	after, err := w.Watch(t.Context(), id, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range after {
		n--
	}
	if n != 0 {
		t.Errorf("%d records were not seen after the end", n)
	}
	if _, err := w.Watch(t.Context(), "none", 1); class(err) != ClassNotFound {
		t.Errorf("watching no run: %v", err)
	}
	w.watch.mu.Lock()
	defer w.watch.mu.Unlock()
	if len(w.watch.records) > 0 {
		t.Errorf("watchers are left: %v", w.watch.records)
	}
}

func TestWatchEndsWithItsReader(t *testing.T) {
	w := begin(t, newMemory(), newHands(t))
	id := w.start(pause, "")
	ctx, cancel := context.WithCancel(t.Context())
	recs, err := w.Watch(ctx, id, 1)
	if err != nil {
		t.Fatal(err)
	}
	live := w.WatchLive(ctx, id)
	cancel()
	for range recs { // until it is closed
	}
	for range live {
	}
	recs, err = w.Watch(t.Context(), id, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range recs {
	}
}

func TestWatchLive(t *testing.T) {
	h := newHands(t)
	release := make(chan struct{})
	h.on("metrics.pool", func(context.Context, engine.Command) engine.Outcome {
		<-release
		return engine.Outcome{Effect: engine.EffectNone, Outputs: []byte(`{"max":20}`)}
	})
	w := begin(t, newMemory(), h)
	id := w.start(fix, "")
	<-h.called("metrics.pool")
	live := w.WatchLive(t.Context(), id)
	close(release)
	w.approve(id)
	p := <-live
	if p.Run != id || p.Command == "" || p.Kind != "log" || p.Text == "" {
		t.Errorf("it says %+v", p)
	}
	// Nobody reads on, and the run ends all the same.
	w.ended(id)
}
