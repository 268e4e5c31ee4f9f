package engine

import (
	"encoding/json"
	"time"
)

// Status is steps.ID.status.
type Status string

// The states of a step. Waiting is derived; see [Run.StatusOf].
const (
	StatusPending   Status = "pending"
	StatusRunning   Status = "running"
	StatusWaiting   Status = "waiting"
	StatusSucceeded Status = "succeeded"
	StatusFailed    Status = "failed"
	StatusSkipped   Status = "skipped"
	StatusUndone    Status = "undone"
	StatusInDoubt   Status = "in_doubt"
	StatusCancelled Status = "cancelled"
)

// Doing is what a running step does.
type Doing string

// What a running step may be doing. A step that does nothing waits for its
// turn, its gate or the end of a stop.
const (
	DoingNothing   Doing = ""
	DoingLock      Doing = "locking" // tries to lock what it changes
	DoingPlan      Doing = "planning"
	DoingGuard     Doing = "guarding"
	DoingRead      Doing = "reading"  // its own action, which changes nothing
	DoingAct       Doing = "acting"   // its own action, a mutation
	DoingRetryWait Doing = "retrying" // waits for the time of its next attempt
	DoingFence     Doing = "fencing"  // waits until a lost effect can no longer arrive
	DoingProbe     Doing = "probing"
	DoingDoubt     Doing = "in_doubt"
	DoingVerify    Doing = "verifying"
	DoingVerdict   Doing = "verdict" // a person decides about a verify
	DoingWait      Doing = "waiting"
	DoingChildren  Doing = "children"
)

// Step is the state of one step or group.
type Step struct {
	Status      Status
	Doing       Doing
	Attempt     int // from 1
	N           int // numbers the reads of the step: plan.n, guard.n, verify.n
	StartedAt   time.Time
	EndedAt     time.Time
	Input       json.RawMessage // resolved `with`
	GuardInput  json.RawMessage
	Resource    string // resolved `resource` of a tool
	Plan        *Plan
	Outputs     json.RawMessage
	Failure     *Failure
	Effect      Effect // the join over all attempts
	Guarded     bool   // of a group: its guard was true since the vote
	Generation  int    // in which the attempt was intended
	Deadline    time.Time
	ActedAt     time.Time // when the action ended; samples must be newer
	Unlocked    bool      // its locks were broken since then, or before: a verify proves nothing
	Samples     []Sample
	Verified    string // verdict of the verify; empty: none yet
	SampleInput json.RawMessage
	NextSample  time.Time
	PausedFor   time.Duration // of a group: time of people and stops, not counted by its timeout
	Accepted    string        // who accepted it instead of a passed verify

	value *decoded // the outputs as expressions read them
}

// Sample is one answer of a verify or a wait.
type Sample struct {
	At      time.Time `json:"at"`
	Verdict string    `json:"verdict"` // true, false or void
	Why     string    `json:"why,omitempty"`
}

// Done reports whether the step has come to its end.
func (s *Step) Done() bool {
	switch s.Status {
	case StatusSucceeded, StatusFailed, StatusSkipped, StatusUndone, StatusCancelled:
		return true
	default:
		return false
	}
}

// step returns the state of a step; a step that has not begun is pending.
func (r *Run) step(path string) *Step {
	if s, ok := r.Steps[path]; ok {
		return s
	}
	return &Step{Status: StatusPending}
}

// same reports whether two slices are one: outputs are replaced, and never
// changed in place.
func same(a, b json.RawMessage) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// setStep replaces the state of one step by what change makes of a copy.
func (r *Run) setStep(path string, change func(*Step)) {
	s := *r.step(path)
	was := s.Outputs
	change(&s)
	if !same(was, s.Outputs) && r.Book != nil {
		s.value = nil
		if step := r.Book.Step(path); step != nil {
			s.value = &decoded{raw: s.Outputs, typ: step.OutputType}
		}
	}
	r.Steps = owned(r.Steps, &r.own.steps)
	r.Steps[path] = &s
}
