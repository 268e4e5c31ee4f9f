package local

import (
	"container/heap"
	"sync"
	"time"
)

// look is how long the timers sleep at most while anything is due: the wall
// clock may jump, after a suspend for one, and a timer does not.
const look = time.Minute

// timers is everything that is due at some time, behind one time.Timer.
type timers struct {
	now func() time.Time

	mu      sync.Mutex
	by      map[timerID]*due
	heap    dues
	timer   *time.Timer
	running bool
}

type timerID struct{ run, id string }

// due is one entry of the heap.
type due struct {
	timerID
	at    time.Time
	fire  func() // must not block
	place int    // in the heap
}

func newTimers(now func() time.Time) *timers {
	return &timers{now: now, by: map[timerID]*due{}}
}

// set calls fire once when it is time. It replaces what is set under the same
// id.
func (t *timers) set(run, id string, at time.Time, fire func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := timerID{run, id}
	if d := t.by[k]; d != nil {
		d.at, d.fire = at, fire
		heap.Fix(&t.heap, d.place)
	} else {
		d = &due{timerID: k, at: at, fire: fire}
		t.by[k] = d
		heap.Push(&t.heap, d)
	}
	t.armLocked()
}

// remove forgets an entry; it is no error if there is none.
func (t *timers) remove(run, id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if d := t.by[timerID{run, id}]; d != nil {
		heap.Remove(&t.heap, d.place)
		delete(t.by, d.timerID)
	}
}

// start lets entries fire; before it they only gather.
func (t *timers) start() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = true
	t.armLocked()
}

// stop lets nothing fire any more.
func (t *timers) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = false
	if t.timer != nil {
		t.timer.Stop()
	}
}

// armLocked makes the one timer fire when the first entry is due.
func (t *timers) armLocked() {
	if !t.running || len(t.heap) == 0 {
		return
	}
	wait := min(max(t.heap[0].at.Sub(t.now()), 0), look)
	if t.timer == nil {
		t.timer = time.AfterFunc(wait, t.fire)
		return
	}
	t.timer.Reset(wait)
}

// fire calls whatever is due.
func (t *timers) fire() {
	t.mu.Lock()
	var now []*due
	for t.running && len(t.heap) > 0 && !t.heap[0].at.After(t.now()) {
		if d, ok := heap.Pop(&t.heap).(*due); ok {
			delete(t.by, d.timerID)
			now = append(now, d)
		}
	}
	t.armLocked()
	t.mu.Unlock()
	for _, d := range now {
		d.fire()
	}
}

// dues is a heap, the earliest first.
type dues []*due

func (h dues) Len() int           { return len(h) }
func (h dues) Less(i, j int) bool { return h[i].at.Before(h[j].at) }

func (h dues) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *dues) Push(x any) {
	if d, ok := x.(*due); ok {
		d.place = len(*h)
		*h = append(*h, d)
	}
}

func (h *dues) Pop() any {
	old := *h
	d := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return d
}
