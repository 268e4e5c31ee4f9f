package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Stop blocks every new mutation until it is lifted, undos too. Reads,
// verifies, notices and timers go on. A freeze blocks less: see [Freeze].
type Stop struct {
	Kind    StopKind  `json:"kind"`
	Service string    `json:"service,omitempty"` // that it is about; empty: everything, or the run alone
	By      string    `json:"by"`                // who; of a freeze the rule
	Reason  string    `json:"reason,omitempty"`
	At      time.Time `json:"at"`

	Until     time.Time `json:"until,omitzero"`      // of a freeze: when it ends by itself; zero: that is not known
	Rollbacks bool      `json:"rollbacks,omitempty"` // of a freeze: what begins with a rollback goes on
}

// StopKind says what a stop is for, and so who lifts it.
type StopKind string

// The kinds of stop.
const (
	StopHalt     StopKind = "halt"      // nothing more, anywhere or for a service
	StopHold     StopKind = "hold"      // a person is at a service, or a run has left it changed
	StopTakeOver StopKind = "take_over" // a person has the run, until they hand it back
	StopLock     StopKind = "lock"      // its locks were broken, until it has them again
	StopFreeze   StopKind = "freeze"    // a rule of the configuration, as long as it holds
)

// Is reports whether two stops are one: of the same kind, about the same. Each
// rule is a freeze of its own.
func (s Stop) Is(other Stop) bool {
	return s.Kind == other.Kind && s.Service == other.Service && (s.Kind != StopFreeze || s.By == other.By)
}

// Stopped reports whether a stop stands that blocks every mutation.
func (r *Run) Stopped() bool {
	return slices.ContainsFunc(r.Stops, func(s Stop) bool { return s.Kind != StopFreeze })
}

// stop returns the stop of a kind that stands, or nil.
func (r *Run) stop(kind StopKind) *Stop {
	for i := range r.Stops {
		if r.Stops[i].Kind == kind {
			return &r.Stops[i]
		}
	}
	return nil
}

// stopped sets a stop. One that stands already is not set again.
func (d *decider) stopped(s Stop) {
	if slices.ContainsFunc(d.run.Stops, s.Is) {
		return
	}
	s.At = d.now
	d.emit(Stopped{Stop: s})
	d.voidAll(stopWords[s.Kind] + " by " + s.By)
}

// stopWords say what has happened to a run, before the name of who did it.
var stopWords = map[StopKind]string{
	StopHalt: "halted", StopHold: "its service is held", StopTakeOver: "taken over", StopLock: "its locks were broken",
}

func (d *decider) lift(l Lift) {
	s := Stop{Kind: l.Kind, Service: l.Service, By: l.By}
	if s.Kind == "" {
		s.Kind = StopHalt
	}
	if !slices.ContainsFunc(d.run.Stops, s.Is) {
		return
	}
	d.emit(StopLifted{Stop: s.Kind, Service: s.Service, By: l.By})
	if s.Kind == StopFreeze {
		d.thaw("the freeze of " + l.By + " is over")
	}
}

// takeOver leaves the run to a person: it keeps its locks, and only reads.
func (d *decider) takeOver(in TakeOver) string {
	if refusal := d.mayDecide(in.By, d.rolesOf("")); refusal != "" {
		return refusal
	}
	if s := d.run.stop(StopTakeOver); s != nil {
		return s.By + " has taken the run over already"
	}
	d.stopped(Stop{Kind: StopTakeOver, By: in.By, Reason: in.Reason})
	return ""
}

// handBack takes the run back from a person, to go on, to verify what they
// have done, or to end.
func (d *decider) handBack(in HandBack) string {
	taken := d.run.stop(StopTakeOver)
	if taken == nil {
		return "nobody has taken the run over"
	}
	if in.By != taken.By {
		if refusal := d.mayDecide(in.By, d.rolesOf("")); refusal != "" {
			return refusal
		}
	}
	e := HandedBack{By: in.By, To: in.To, Reason: in.Reason}
	switch in.To {
	case HandResume:
	case HandVerify:
		step, refusal := d.verifiable()
		if refusal != "" {
			return refusal
		}
		e.Path = step.Path
		runbook.Walk(step.Steps, func(member *runbook.Step) {
			if !d.run.step(member.Path).Done() {
				e.Done = append(e.Done, member.Path)
			}
		})
	case HandEnd:
		d.emit(e)
		d.trouble(Cause{Kind: CauseHandedOver, Class: "handed_over", Reason: "left to " + in.By, By: in.By, Keep: true, ReadOnly: true}, nil)
		return ""
	default:
		return fmt.Sprintf("a run is handed back to %s, %s or %s, not to %q", HandResume, HandVerify, HandEnd, in.To)
	}
	d.emit(e)
	return ""
}

// verifiable is the top-level step that has begun, and whose verify can tell
// whether what a person has done by hand worked.
func (d *decider) verifiable() (*runbook.Step, string) {
	if d.openUnder("") || d.run.Doubtful() {
		return nil, "a change is in flight or in doubt; it comes first"
	}
	for _, step := range d.run.Book.All() {
		s := d.run.step(step.Path)
		if step.Parent == nil && s.Status == StatusRunning && step.Verify != nil && step.Verify.None == "" {
			return step, ""
		}
	}
	return nil, "no step that has begun has a verify; hand the run back to resume or to end"
}

// breakLock takes a run's locks away, all of them, so that it cannot hold some
// while it waits for others. Until a person has decided what then, nothing is
// changed.
func (d *decider) breakLock(in BreakLock) string {
	if refusal := d.mayDecide(in.By, d.rolesOf("")); refusal != "" {
		return refusal
	}
	if d.run.Locks.State != LocksHeld || len(d.run.Locks.Identities) == 0 {
		return "the run holds no lock"
	}
	d.emit(LockBroken{By: in.By, Reason: in.Reason})
	d.stopped(Stop{Kind: StopLock, By: in.By, Reason: in.Reason})
	return ""
}

// askRelock asks what a run is to do whose locks were broken.
func (d *decider) askRelock() bool {
	s := d.run.stop(StopLock)
	if s == nil || d.run.Locks.State == LocksRequested || d.run.question(AskLock, lockPath) != nil {
		return false
	}
	d.emit(QuestionOpened{Question: Question{
		ID: d.run.id(lockPath, 0, fmt.Sprintf("ask.%d", d.run.Seq)), Kind: AskLock, Path: lockPath, OpenedAt: d.now,
		Text: fmt.Sprintf("%s broke the locks on %s. Wait for them again, or end the run as things are?",
			s.By, strings.Join(d.run.Locks.Identities, ", ")),
		Roles: d.rolesOf(""), Self: true, Choices: []string{ChoiceRelock, ChoiceEnd},
	}})
	return true
}

// lockless reports whether the run's locks were broken, and it ends without
// them: it changes nothing any more.
func (r *Run) lockless() bool {
	return r.Locks.State == LocksBroken && r.stop(StopLock) == nil
}

// noLocks is what who wants such a run undone is told.
const noLocks = "its locks were broken, and it ends without them; undo it when it has ended"

// lockPath is the path of the question about broken locks. No step has it: ids
// have no hyphen.
const lockPath = "broken-lock"

func (d *decider) lockChosen(a Answer) {
	if a.Choice == ChoiceRelock {
		d.emit(LocksWanted{Identities: d.run.Locks.Identities})
		return
	}
	d.emit(StopLifted{Stop: StopLock, By: a.By})
	d.trouble(Cause{Kind: CauseCancel, Class: "cancelled", Reason: a.By + " ended it, its locks being broken", By: a.By, Keep: true, ReadOnly: true}, nil)
}

// onLocked is what the run does where another has its locks. What has changed
// something, or undoes it, always waits.
func (r *Run) onLocked() string {
	if r.Phase != PhaseRunning || r.Facts.UndoOf != "" || len(r.Ledger) > 0 || r.Book.OnLocked == "" {
		return runbook.OnLockedQueue
	}
	return r.Book.OnLocked
}

// busy ends a run that another one keeps from its locks, unless it waits; or a
// step that has tried one.
func (d *decider) busy(c Lock, in LocksBusy) {
	var class, reason string
	switch {
	case c.Try:
		f := Failure{Class: "conflict", Reason: fmt.Sprintf("run %s has %s", in.Holder, c.Identities[0])}
		d.failed(d.run.Book.Step(c.path), d.run.step(c.path).Attempt, f, EffectNone)
		return
	case c.OnLocked == runbook.OnLockedSkip:
		class, reason = "locked", fmt.Sprintf("run %s has %s, and this runbook does not wait", in.Holder, strings.Join(c.Identities, ", "))
	case c.OnLocked == runbook.OnLockedJoin && in.Same:
		class, reason = "joined", fmt.Sprintf("run %s does the same already", in.Holder)
	default:
		return
	}
	d.trouble(Cause{Kind: CauseRefused, Class: class, Reason: reason}, nil)
}

// joined notes that another run has left it to this one.
func (d *decider) joined(in Joined) error {
	if d.run.Ended() {
		return ErrStale
	}
	d.emit(RunJoined{Run: in.Run, Requester: in.Requester})
	return nil
}

// locked goes on with the locks that the run has got.
func (d *decider) locked(c Lock) {
	if c.Try {
		d.emit(LockAdded{Path: c.path, Identity: c.Identities[0]})
		return
	}
	d.emit(LocksTaken{})
	if s := d.run.stop(StopLock); s != nil {
		d.emit(StopLifted{Stop: StopLock, By: s.By})
	}
}
