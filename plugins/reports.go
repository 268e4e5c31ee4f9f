package plugins

import (
	"fmt"
	"sync"

	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

const (
	maxReports = 256     // reports that wait for a slow host
	maxText    = 8 << 10 // bytes of one report; the rest is cut off
)

// reports queues what a call says of itself, so that a slow host never holds
// up a plugin: when it is full the oldest progress goes, then the oldest line.
type reports struct {
	mu     sync.Mutex
	ready  *sync.Cond
	queue  []*pb.RunEvent
	lost   int // log lines
	closed bool
}

var _ Stream = (*reports)(nil)

func newReports() *reports {
	r := &reports{}
	r.ready = sync.NewCond(&r.mu)
	return r
}

// Progress implements Stream.
func (r *reports) Progress(done, total int, text string) {
	r.add(&pb.RunEvent{Event: &pb.RunEvent_Progress{
		Progress: &pb.Progress{Done: int64(done), Total: int64(total), Text: validText(text)},
	}})
}

// Log implements Stream.
func (r *reports) Log(level, text string) { r.add(logEvent(level, validText(text))) }

func logEvent(level, text string) *pb.RunEvent {
	return &pb.RunEvent{Event: &pb.RunEvent_Log{Log: &pb.Log{Level: valid(level), Text: text}}}
}

func (r *reports) add(event *pb.RunEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	if len(r.queue) == maxReports {
		r.dropOne()
	}
	r.queue = append(r.queue, event)
	r.ready.Signal()
}

func (r *reports) dropOne() {
	for i, event := range r.queue {
		if event.GetProgress() != nil {
			r.queue = append(r.queue[:i], r.queue[i+1:]...)
			return
		}
	}
	r.queue = r.queue[1:]
	r.lost++
}

// close ends the queue; later reports are dropped.
func (r *reports) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.ready.Signal()
}

// drain sends every report in order, until the queue is closed and empty or
// a send fails.
func (r *reports) drain(send func(*pb.RunEvent) error) error {
	for {
		event := r.next()
		if event == nil {
			return nil
		}
		if err := send(event); err != nil {
			r.close()
			return err
		}
	}
}

func (r *reports) next() *pb.RunEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.queue) == 0 && !r.closed {
		r.ready.Wait()
	}
	if r.lost > 0 {
		event := logEvent("warn", fmt.Sprintf("%d log lines were dropped: they came faster than they were read", r.lost))
		r.lost = 0
		return event
	}
	if len(r.queue) == 0 {
		return nil
	}
	event := r.queue[0]
	r.queue = r.queue[1:]
	return event
}
