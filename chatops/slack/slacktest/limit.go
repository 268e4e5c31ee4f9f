package slacktest

import "time"

// rate is how often something may be done: at once up to burst times, then
// once in each interval.
type rate struct {
	burst int
	every time.Duration
}

// The tiers of the Web API, in calls a minute. Slack promises no burst; it
// lets through about a minute's worth.
var tiers = map[int]rate{
	1:       {10, time.Minute},
	2:       {20, 3 * time.Second},
	3:       {50, 1200 * time.Millisecond},
	4:       {100, 600 * time.Millisecond},
	special: {600, 100 * time.Millisecond},
}

const special = 5

// posting is that of messages to one channel.
var posting = rate{4, time.Second}

type bucket struct {
	left float64
	at   time.Time
}

// limited says for how long what is named must wait; 0: not at all, and it
// has been counted. The lock is held.
func (s *Server) limited(name string, r rate) time.Duration {
	if s.cfg.NoLimits {
		return 0
	}
	now := s.clock.Now()
	b := s.buckets[name]
	if b == nil {
		b = &bucket{left: float64(r.burst), at: now}
		s.buckets[name] = b
	}
	b.left = min(float64(r.burst), b.left+float64(now.Sub(b.at))/float64(r.every))
	b.at = now
	if b.left < 1 {
		return max(time.Second, time.Duration((1-b.left)*float64(r.every)))
	}
	b.left--
	return 0
}
