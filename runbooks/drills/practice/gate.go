package practice

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Why a request did not get a connection.
var (
	errAcquireTimeout = errors.New("no connection within the acquire timeout")
	errShed           = errors.New("the backlog is being shed")
	errDraining       = errors.New("this replica is stopping")
)

// gate is the waiting line in front of the pool. The pool's own line can be
// neither counted nor cancelled, and it is lost when the pool is replaced.
type gate struct {
	timeout time.Duration

	mu        sync.Mutex
	max, held int
	line      []*waiter // oldest first
	draining  bool
	shedUntil time.Time
	refused   int // since this shedding began
	timeouts  int
}

type waiter struct {
	since time.Time
	done  chan error // buffered: whoever takes the waiter out of the line sends once
}

func newGate(limit int, timeout time.Duration) *gate {
	return &gate{timeout: timeout, max: limit}
}

// acquire blocks until the caller may use one connection, first come first
// served, and at most for the acquire timeout. After nil the caller releases.
func (g *gate) acquire(ctx context.Context) error {
	g.mu.Lock()
	switch {
	case g.draining:
		g.mu.Unlock()
		return errDraining
	case time.Now().Before(g.shedUntil):
		g.refused++
		g.mu.Unlock()
		return errShed
	case g.held < g.max && len(g.line) == 0:
		g.held++
		g.mu.Unlock()
		return nil
	}
	w := &waiter{since: time.Now(), done: make(chan error, 1)}
	g.line = append(g.line, w)
	g.mu.Unlock()

	timer := time.NewTimer(g.timeout)
	defer timer.Stop()
	var err error
	select {
	case err := <-w.done:
		return err
	case <-timer.C:
		err = errAcquireTimeout
	case <-ctx.Done():
		err = ctx.Err()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case granted := <-w.done: // its turn came while it gave up
		return granted
	default:
	}
	place := slices.Index(g.line, w)
	g.line = slices.Delete(g.line, place, place+1)
	if errors.Is(err, errAcquireTimeout) {
		g.timeouts++
	}
	return err
}

func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held--
	g.admit()
}

// resize changes how many may hold a connection. What is held beyond a lower
// limit is not taken away; it is waited for.
func (g *gate) resize(limit int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.max = limit
	g.admit()
}

func (g *gate) admit() {
	for g.held < g.max && len(g.line) > 0 {
		g.held++
		g.next(nil)
	}
}

// next takes the oldest out of the line and tells it the result.
func (g *gate) next(result error) {
	g.line[0].done <- result
	g.line = slices.Delete(g.line, 0, 1)
}

// shed cancels those who wait longer than olderThan, and refuses all who come
// in the next d. It returns how many it cancelled, how many were refused since
// the shedding began, and when it will end. Shedding again only prolongs it.
func (g *gate) shed(olderThan, d time.Duration) (cancelled, refused int, until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if !now.Before(g.shedUntil) {
		g.refused = 0
	}
	if end := now.Add(d); end.After(g.shedUntil) {
		g.shedUntil = end
	}
	for len(g.line) > 0 {
		if now.Sub(g.line[0].since) < olderThan {
			break
		}
		g.next(errShed)
		cancelled++
	}
	return cancelled, g.refused, g.shedUntil
}

// drain cancels all who wait and refuses all who come.
func (g *gate) drain() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.draining = true
	for len(g.line) > 0 {
		g.next(errDraining)
	}
}

// backlog is the answer of GET /backlog.
type backlog struct {
	Waiting  int      `json:"waiting"`
	OldestS  *float64 `json:"oldest_s"` // seconds; null when nobody waits
	Shedding bool     `json:"shedding"`
}

func (g *gate) backlog() backlog {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := backlog{Waiting: len(g.line), Shedding: time.Now().Before(g.shedUntil)}
	if len(g.line) > 0 {
		age := time.Since(g.line[0].since).Seconds()
		b.OldestS = &age
	}
	return b
}

func (g *gate) timedOut() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.timeouts
}

// shedRemaining is how long newcomers are still refused.
func (g *gate) shedRemaining() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, time.Until(g.shedUntil))
}
