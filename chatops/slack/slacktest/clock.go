package slacktest

import (
	"sync"
	"time"
)

// Clock is the time of a Slack. It stands still until Advance. Its methods may
// be called at any time from anywhere, Advance not from a timer.
type Clock struct {
	advancing sync.Mutex // one at a time, so that timers go off in order

	mu     sync.Mutex
	now    time.Time
	timers map[*timer]bool
	made   int
}

type timer struct {
	at    time.Time
	order int
	run   func()
}

// NewClock returns a clock that shows start.
func NewClock(start time.Time) *Clock {
	return &Clock{now: start.UTC(), timers: map[*timer]bool{}}
}

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock by d. What falls due on the way is done in order,
// each at its time, before Advance returns.
func (c *Clock) Advance(d time.Duration) {
	c.advancing.Lock()
	defer c.advancing.Unlock()
	end := c.Now().Add(d)
	for {
		next := c.take(end)
		if next == nil {
			return
		}
		next.run()
	}
}

// take moves the clock to the next timer until end and returns it, or moves
// it to end and returns nil.
func (c *Clock) take(end time.Time) *timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	var next *timer
	for t := range c.timers {
		if t.at.After(end) {
			continue
		}
		if next == nil || t.at.Before(next.at) || t.at.Equal(next.at) && t.order < next.order {
			next = t
		}
	}
	if next == nil {
		c.now = end
		return nil
	}
	delete(c.timers, next)
	if next.at.After(c.now) {
		c.now = next.at
	}
	return next
}

// after calls run when the clock has moved by d. The function returned stops
// it, if it has not begun.
func (c *Clock) after(d time.Duration, run func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made++
	t := &timer{at: c.now.Add(d), order: c.made, run: run}
	c.timers[t] = true
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.timers, t)
	}
}

// follow moves the clock as real time passes, until stop is closed.
func (c *Clock) follow(stop <-chan struct{}) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			now := time.Now()
			c.Advance(now.Sub(last))
			last = now
		}
	}
}
