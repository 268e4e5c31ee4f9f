package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

const (
	minBackoff   = 100 * time.Millisecond
	maxBackoff   = 10 * time.Second
	healthyAfter = 30 * time.Second // alive this long, a process is no part of a crash loop
	crashLoop    = 5                // short lives in a row
)

// State says what a plugin's process is doing.
type State string

// The states of a plugin.
const (
	Idle      State = "idle"       // not needed yet
	Starting  State = "starting"   //
	Ready     State = "ready"      //
	Backoff   State = "backoff"    // it ended; starting again soon
	CrashLoop State = "crash loop" // it keeps ending, or must not be run; tried again, but nobody waits for it
	Stopped   State = "stopped"    // the host is
)

// supervisor keeps one process of a plugin alive.
type supervisor struct {
	spec   Spec
	log    *slog.Logger
	launch func(context.Context, Spec) (*process, error)
	ready  func(*process) // called with each new process, in its own goroutine

	mu       sync.Mutex
	begun    bool
	state    State
	proc     *process      // nil unless ready
	last     *process      // the newest there was
	changed  chan struct{} // closed at the next change
	since    time.Time
	restarts int
	short    int // lives in a row that were too short
	err      error
}

func newSupervisor(spec Spec) *supervisor {
	return &supervisor{spec: spec, state: Idle, changed: make(chan struct{}), since: time.Now()}
}

// begin says whether this is the first need of the plugin, when the caller
// is to run the supervisor.
func (s *supervisor) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !s.begun
	s.begun = true
	return first
}

// run starts the process and starts it again whenever it ends, until ctx
// does. It returns once no process is left.
func (s *supervisor) run(ctx context.Context) {
	pause := minBackoff
	for {
		s.enter(Starting, nil, nil)
		began := time.Now()
		p, err := s.launch(ctx, s.spec)
		if err == nil {
			began = time.Now()
			err = s.follow(ctx, p)
		}
		if ctx.Err() != nil {
			s.enter(Stopped, nil, errStopped)
			return
		}
		if time.Since(began) >= healthyAfter && p != nil {
			pause = minBackoff
			s.reset()
		}
		s.fail(err, pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			s.enter(Stopped, nil, errStopped)
			return
		}
		pause = min(2*pause, maxBackoff)
	}
}

// follow shows the process as ready until it is gone, and says why it is.
func (s *supervisor) follow(ctx context.Context, p *process) error {
	s.enter(Ready, p, nil)
	if s.ready != nil {
		go s.ready(p)
	}
	select {
	case <-p.gone:
		p.end() // frees what is left of it here
		return p.why()
	case <-ctx.Done():
		s.enter(Stopped, nil, errStopped)
		p.end()
		return nil
	}
}

func (s *supervisor) enter(state State, p *process, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.proc, s.since = state, p, time.Now()
	if p != nil {
		s.last = p
	}
	if err != nil {
		s.err = err
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *supervisor) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.short = 0
}

func (s *supervisor) fail(err error, pause time.Duration) {
	s.mu.Lock()
	s.short++
	s.restarts++
	state := Backoff
	if s.short >= crashLoop || errors.Is(err, errRefused) {
		state = CrashLoop
		s.short = max(s.short, crashLoop)
	}
	s.mu.Unlock()
	s.enter(state, nil, err)
	s.log.Error("plugin is down", "plugin", s.spec.Name, "state", string(state), "again_in", pause, "error", err)
}

// get waits for a process that is ready. It does not wait for one that
// keeps ending. Errors are *plugins.Failure.
func (s *supervisor) get(ctx context.Context) (*process, error) {
	for {
		s.mu.Lock()
		p, state, short, err, changed := s.proc, s.state, s.short, s.err, s.changed
		s.mu.Unlock()
		switch {
		case p != nil && !p.isGone():
			return p, nil
		case state == Stopped:
			return nil, plugins.Fail(plugins.Unavailable, "plugin %s: %v", s.spec.Name, errStopped)
		case short >= crashLoop:
			return nil, plugins.Fail(plugins.Unavailable, "plugin %s cannot be kept running: %v", s.spec.Name, err)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			failure := plugins.AsFailure(ctx.Err())
			failure.Reason = fmt.Sprintf("plugin %s is %s: %v", s.spec.Name, state, ctx.Err())
			return nil, failure
		}
	}
}

var errStopped = errors.New("the plugin host is stopped")
