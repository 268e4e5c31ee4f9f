package engine

import "time"

// Timer asks for [TimerFired] at an absolute time. A late one is normal.
type Timer struct {
	ID string
	At time.Time

	path string
	what timerKind
	undo bool
	n    int    // the attempt, of a row's timer
	call string // id of the call that it watches over
}

// timerKind says what a timer is for.
type timerKind string

const (
	timerExpiry   timerKind = "expiry"   // of a question
	timerEscalate timerKind = "escalate" // of a question: the next role is asked
	timerValid    timerKind = "valid"    // of an approval
	timerRetry    timerKind = "retry"    // until the next attempt, of an undo, too
	timerFence    timerKind = "fence"    // until a lost effect can no longer arrive
	timerWithin   timerKind = "within"   // of a verify or a wait
	timerWait     timerKind = "wait"     // of a plain wait
	timerLost     timerKind = "lost"     // a call that was never answered
	timerTimeout  timerKind = "timeout"  // of a group or the run
)

// CommandID implements [Command].
func (c Timer) CommandID() string { return c.ID }
