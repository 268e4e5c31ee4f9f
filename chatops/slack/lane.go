package slack

import (
	"context"
	"sync"
	"time"
)

// urgency orders what waits to be sent to a place. What people wait for goes
// before what they only read.
type urgency int

const (
	asked  urgency = iota // a question is open and nobody sees it yet
	urgent                // one is open no longer
	called                // one that is seen has changed, or people are called again
	told                  // the card of a run
	read                  // what has happened
)

// A lane sends to one place, one after the other. Slack takes about one
// message a second for each channel, and short bursts.
const (
	laneEvery   = time.Second
	laneBurst   = 4
	laneReserve = 2 // of a burst, kept for what is urgent
)

// errand is something that waits to be sent: a part of a run. What exactly is
// sent is looked up when its turn comes, so that only the last state is.
type errand struct {
	run, key string
	place    string
}

// wish is an errand, and what is known of it beforehand.
type wish struct {
	errand

	urgency urgency
	edit    bool // of a message that is there; Slack limits edits and posts apart
}

type waiting struct {
	wish

	n      int       // order of arrival
	tries  int       // that failed
	before time.Time // not before; zero: now
}

type lane struct {
	place string
	every time.Duration
	now   func() time.Time
	wake  chan struct{}

	mu     sync.Mutex
	jobs   map[errand]*waiting
	n      int
	tokens float64
	filled time.Time
	posts  time.Time // until then Slack takes no new messages
	edits  time.Time // and no edits
}

func newLane(place string, every time.Duration, now func() time.Time) *lane {
	return &lane{place: place, every: every, now: now, wake: make(chan struct{}, 1), jobs: map[errand]*waiting{}, tokens: laneBurst, filled: now()}
}

// put adds an errand; one that waits already may become more urgent.
func (l *lane) put(w wish) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if waits := l.jobs[w.errand]; waits != nil {
		if w.urgency < waits.urgency || w.urgency <= urgent { // something has changed: what kept it back may have passed
			waits.urgency, waits.before = w.urgency, time.Time{}
		}
		waits.edit = w.edit
	} else {
		l.n++
		l.jobs[w.errand] = &waiting{wish: w, n: l.n}
	}
	l.poke()
}

func (l *lane) poke() {
	select {
	case l.wake <- struct{}{}:
	default: // it looks anyway
	}
}

// again puts an errand back that failed.
func (l *lane) again(w *waiting, after time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.jobs[w.errand] == nil {
		w.tries++
		w.before = l.now().Add(after)
		l.jobs[w.errand] = w
	}
	l.poke()
}

// pause sends nothing for a time; limit only nothing of the kind of w.
func (l *lane) pause(d time.Duration) {
	l.limit(&waiting{}, d)
	l.limit(&waiting{wish: wish{edit: true}}, d)
}

func (l *lane) limit(w *waiting, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	until := l.now().Add(d)
	if w.edit {
		l.edits = later(l.edits, until)
	} else {
		l.posts = later(l.posts, until)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// next waits for the turn of the most urgent errand and takes it out; nil:
// ctx has ended.
func (l *lane) next(ctx context.Context) *waiting {
	for {
		w, wait := l.take()
		if w != nil {
			return w
		}
		var alarm <-chan time.Time
		var t *time.Timer
		if wait > 0 {
			t = time.NewTimer(wait)
			alarm = t.C
		}
		select {
		case <-l.wake:
		case <-alarm:
		case <-ctx.Done():
		}
		if t != nil {
			t.Stop()
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// take returns what may be sent now, or how long to wait; 0: until something
// comes.
func (l *lane) take() (*waiting, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.tokens = min(laneBurst, l.tokens+float64(now.Sub(l.filled))/float64(l.every))
	l.filled = now
	var best *waiting
	var soonest time.Duration
	for _, w := range l.jobs {
		from := later(w.before, l.posts)
		if w.edit {
			from = later(w.before, l.edits)
		}
		if wait := from.Sub(now); wait > 0 {
			if soonest == 0 || wait < soonest {
				soonest = wait
			}
			continue
		}
		if best == nil || w.urgency < best.urgency || w.urgency == best.urgency && w.n < best.n {
			best = w
		}
	}
	if best == nil {
		return nil, soonest
	}
	need := 1.0
	if best.urgency > urgent {
		need += laneReserve
	}
	if l.tokens < need {
		return nil, time.Duration((need-l.tokens)*float64(l.every)) + time.Millisecond
	}
	l.tokens--
	delete(l.jobs, best.errand)
	return best, 0
}

// waits is how many errands there are.
func (l *lane) waits() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.jobs)
}
