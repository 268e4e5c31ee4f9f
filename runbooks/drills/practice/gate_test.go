package practice

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// line starts n waiters one millisecond apart; their results come in order of
// arrival, each on its own channel.
func line(g *gate, n int) []chan error {
	results := make([]chan error, n)
	for i := range results {
		results[i] = make(chan error, 1)
		go func() { results[i] <- g.acquire(context.Background()) }()
		synctest.Wait()
		pass(time.Millisecond)
	}
	return results
}

// pass lets time go by in the test's bubble.
func pass(d time.Duration) { <-time.After(d) }

func decided(c chan error) bool { return len(c) == 1 }

func TestGateServesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 3*time.Second)
		results := line(g, 3) // the first gets in at once
		for i := range results {
			synctest.Wait()
			if err := <-results[i]; err != nil {
				t.Fatalf("waiter %d: %v", i, err)
			}
			for _, later := range results[i+1:] {
				if decided(later) {
					t.Fatalf("one behind %d was served first", i)
				}
			}
			g.release()
		}
	})
}

func TestGateGivesUpAfterTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 3*time.Second)
		results := line(g, 2)
		if err := <-results[0]; err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if err := <-results[1]; !errors.Is(err, errAcquireTimeout) {
			t.Fatalf("got %v, want the timeout", err)
		}
		if waited := time.Since(begun); waited < 2900*time.Millisecond || waited > 3*time.Second {
			t.Errorf("gave up after %s", waited)
		}
		if g.timedOut() != 1 || g.backlog().Waiting != 0 {
			t.Errorf("timeouts %d, waiting %d", g.timedOut(), g.backlog().Waiting)
		}
		g.release()
		if err := g.acquire(context.Background()); err != nil {
			t.Errorf("the connection was lost: %v", err)
		}
	})
}

func TestGateForgetsAClientThatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 3*time.Second)
		if err := <-line(g, 1)[0]; err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		left := make(chan error)
		go func() { left <- g.acquire(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		if g.backlog().Waiting != 0 {
			t.Error("it still waits")
		}
	})
}

func TestGateResize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(3, 3*time.Second)
		results := line(g, 5)
		g.resize(1)
		g.release() // 2 of 1 are still held: nobody gets in
		g.release()
		synctest.Wait()
		if decided(results[3]) {
			t.Fatal("let in although the limit is used up")
		}
		g.resize(3)
		synctest.Wait()
		if !decided(results[3]) || !decided(results[4]) {
			t.Error("a wider gate let nobody in")
		}
	})
}

func TestShedCancelsAndRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 3*time.Second)
		results := line(g, 3)
		pass(time.Second)
		young := line(g, 1)
		if b := g.backlog(); b.Waiting != 3 || b.OldestS == nil || *b.OldestS < 1 || b.Shedding {
			t.Fatalf("backlog %+v", b)
		}
		cancelled, refused, until := g.shed(500*time.Millisecond, 2*time.Second)
		if cancelled != 2 || refused != 0 || time.Until(until) != 2*time.Second {
			t.Errorf("cancelled %d, refused %d, until in %s", cancelled, refused, time.Until(until))
		}
		for _, c := range results[1:] {
			if err := <-c; !errors.Is(err, errShed) {
				t.Errorf("got %v", err)
			}
		}
		if decided(young[0]) {
			t.Error("one that waits shorter was cancelled")
		}
		if err := g.acquire(context.Background()); !errors.Is(err, errShed) {
			t.Errorf("a newcomer got %v", err)
		}
		if _, refused, again := g.shed(0, time.Second); refused != 1 || !again.Equal(until) {
			t.Errorf("refused %d; a shorter shedding moved the end to %s", refused, again)
		}
		pass(2 * time.Second)
		g.release()
		if err := g.acquire(context.Background()); err != nil || g.backlog().Shedding {
			t.Errorf("the shedding does not end: %v", err)
		}
	})
}

func TestDrainEmptiesTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 3*time.Second)
		results := line(g, 2)
		g.drain()
		if err := <-results[1]; !errors.Is(err, errDraining) {
			t.Errorf("got %v", err)
		}
		g.release()
		if err := g.acquire(context.Background()); !errors.Is(err, errDraining) {
			t.Errorf("a newcomer got %v", err)
		}
	})
}
