package engine

import (
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Wait is something that a run waits for. A run may wait for several things
// at once; each has a person, a time or an event that ends it.
type Wait struct {
	On    string    `json:"on"` // approval, person, in_doubt, timer, lock, halted, held, frozen
	Path  string    `json:"path,omitempty"`
	Who   []string  `json:"who,omitempty"` // roles
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	Text  string    `json:"text,omitempty"`
}

// Waits lists what the run waits for, people first.
func (r *Run) Waits() []Wait {
	if r.Ended() {
		return nil
	}
	var out []Wait
	for _, q := range r.OpenQuestions() {
		on := "person"
		switch q.Kind {
		case AskGate:
			on = "approval"
			if q.Frozen != "" {
				on = "frozen"
			}
		case AskDoubt:
			on = "in_doubt"
		default:
		}
		out = append(out, Wait{On: on, Path: q.Path, Who: q.Roles, Since: q.OpenedAt, Until: q.Expires, Text: q.Text})
	}
	for _, s := range r.Stops {
		if on := stopWaits[s.Kind]; on != "" {
			out = append(out, Wait{On: on, Since: s.At, Who: []string{s.By}, Text: s.Reason})
		}
	}
	if r.Locks.State == LocksRequested {
		out = append(out, Wait{On: "lock", Text: "another run has " + strings.Join(r.Locks.Identities, ", ")})
	}
	for _, c := range Pending(*r) {
		t, ok := c.(Timer)
		if ok && (t.what == timerWait || t.what == timerRetry || t.what == timerFence) {
			out = append(out, Wait{On: "timer", Path: t.path, Until: t.At, Text: string(t.what)})
		}
	}
	return out
}

// stopWaits say what a stopped run waits on. About broken locks a question is
// open.
var stopWaits = map[StopKind]string{StopHalt: "halted", StopHold: "held", StopTakeOver: "person"}

// StatusOf is the status of a step as the runbook language reads it: a
// running step that waits for people, a time, a lock or the end of a stop is
// waiting.
func (r *Run) StatusOf(path string) Status {
	s := r.step(path)
	if s.Status != StatusRunning {
		return s.Status
	}
	for _, q := range r.Questions {
		if within(q.Path, path) {
			return StatusWaiting
		}
	}
	switch s.Doing {
	case DoingRetryWait, DoingFence, DoingWait, DoingVerdict:
		return StatusWaiting
	case DoingNothing:
		if r.Stopped() || r.Locks.State == LocksRequested {
			return StatusWaiting
		}
	default:
	}
	return StatusRunning
}

// Tree visits every step of the run's runbook in its order, with its state.
func (r *Run) Tree(visit func(step *runbook.Step, state Step)) {
	for _, s := range r.Book.All() {
		visit(s, *r.step(s.Path))
	}
}

// WaitedFor is how long people were waited for about a step, and about all
// that is inside it, up to now. Questions that were open side by side count
// each for itself.
func (r *Run) WaitedFor(path string, now time.Time) Waited {
	var sum Waited
	for p, w := range r.Waited {
		if within(p, path) {
			sum.Asked += w.Asked
			sum.Held += w.Held
		}
	}
	for _, q := range r.Questions {
		if !within(q.Path, path) {
			continue
		}
		sum.Asked += max(now.Sub(q.since), 0)
		if !q.Early && q.Frozen == "" {
			sum.Held += max(now.Sub(q.turn), 0)
		}
	}
	return sum
}

// PeopleSeconds is how long people were waited for, up to now.
func (r *Run) PeopleSeconds(now time.Time) float64 {
	d := r.AskedFor
	if !r.Asking.IsZero() && now.After(r.Asking) {
		d += now.Sub(r.Asking)
	}
	return d.Seconds()
}
