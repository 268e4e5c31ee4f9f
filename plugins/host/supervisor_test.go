package host

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

// lives is a launch whose processes live as long as the test says.
type lives struct {
	spans  []time.Duration // of each process; negative: it does not start; the last one stays
	starts []time.Duration // when each was started, since the beginning
	began  time.Time
}

func (l *lives) launch(context.Context, Spec) (*process, error) {
	n := len(l.starts)
	l.starts = append(l.starts, time.Since(l.began))
	gone := make(chan struct{})
	p := &process{gone: gone, why: func() error { return errors.New("it died") }, end: func() {}}
	if n < len(l.spans) {
		if l.spans[n] < 0 {
			return nil, errors.New("it does not start")
		}
		time.AfterFunc(l.spans[n], func() { close(gone) })
	}
	return p, nil
}

func supervised(l *lives) (*supervisor, func()) {
	s := newSupervisor(Spec{Name: "demo"})
	s.log, s.launch = Config{}.logger(), l.launch
	l.began = time.Now()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.run(ctx); close(done) }()
	return s, func() { cancel(); <-done }
}

func TestRestartsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lives{spans: []time.Duration{-1, -1, -1, -1, -1, -1, -1, -1, 31 * time.Second, 0}}
		s, stop := supervised(l)
		<-time.After(5 * time.Minute)
		synctest.Wait()
		var pauses []time.Duration
		for i := 1; i < len(l.starts); i++ {
			pauses = append(pauses, l.starts[i]-l.starts[i-1])
		}
		ms := time.Millisecond
		want := []time.Duration{
			100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 6400 * ms, 10_000 * ms,
			31_100 * ms, 200 * ms, // it was healthy: from the beginning
		}
		if !slices.Equal(pauses, want) {
			t.Errorf("starts are %v apart, want %v", pauses, want)
		}
		if state := s.status(); state.State != Ready || state.Restarts != len(want) {
			t.Errorf("status %+v", state)
		}
		stop()
		if state := s.status().State; state != Stopped {
			t.Errorf("state %s after the end", state)
		}
	})
}

func TestNobodyWaitsForACrashLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lives{spans: slices.Repeat([]time.Duration{-1}, 100)}
		s, stop := supervised(l)
		defer stop()
		began := time.Now()
		_, err := s.get(t.Context()) // waits while there is hope
		f := plugins.AsFailure(err)
		if f == nil || f.Class != plugins.Unavailable || !strings.Contains(f.Reason, "cannot be kept running: it does not start") {
			t.Fatalf("error %v", err)
		}
		if waited, want := time.Since(began), 1500*time.Millisecond; waited != want {
			t.Errorf("waited %s, want %s: until the fifth failure", waited, want)
		}
		if state := s.status().State; state != CrashLoop {
			t.Errorf("state %s", state)
		}
	})
}

func TestGetEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := supervised(&lives{spans: []time.Duration{-1, -1, -1}})
		defer stop()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := s.get(ctx)
		if f := plugins.AsFailure(err); f == nil || f.Class != plugins.Timeout || !strings.Contains(f.Reason, "plugin demo is backoff") {
			t.Errorf("error %v", err)
		}
	})
}
