package drills

import (
	"context"
	"time"
)

// Firebreak is what a drill needs of the product: the same ways in that an
// approver has.
type Firebreak interface {
	// Watch sends what the drill scores, from the run's beginning on, and
	// closes the channel after MomentEnded or when ctx ends.
	Watch(ctx context.Context, run string) (<-chan Moment, error)
	// Approve answers a question of the run as the approver of the sandbox's
	// configuration. An error means that the answer did not count.
	Approve(ctx context.Context, run, question, digest string) error
	// Close ends the owner and its plugins. It is called once, after the run.
	Close() error
}

// Command is a firebreak that is told to start a run.
type Command interface {
	Firebreak
	// Start starts the runbook for the alert, with the drill as requester, and
	// returns the run's id without waiting for the run.
	Start(ctx context.Context, runbook string, alert Alert) (run string, err error)
}

// Daemon is a firebreak that alerts reach from outside.
type Daemon interface {
	Firebreak
	// Webhook is the URL that an Alertmanager posts to.
	Webhook() string
	// Began blocks until the alert of that name has begun a run, and returns
	// it, and when the alert was received.
	Began(ctx context.Context, alert string) (run string, at time.Time, err error)
	// Resolved blocks until all alerts of that name are resolved, and returns
	// when the last word of it was received.
	Resolved(ctx context.Context, alert string) (time.Time, error)
}

// Alert is what the sandbox's monitoring raises.
type Alert struct {
	Name    string
	Service string
	At      time.Time
}

// MomentKind says what happened at a [Moment].
type MomentKind string

// The moments of a run that count.
const (
	MomentCause    MomentKind = "cause"    // the diagnosis named a cause
	MomentAsked    MomentKind = "asked"    // a question was put to people
	MomentAnswered MomentKind = "answered" // it was decided, voided or expired
	MomentEnded    MomentKind = "ended"    // the run is over
)

// Moment is something that the drill scores. At is when the engine recorded it.
type Moment struct {
	Kind     MomentKind
	At       time.Time
	Cause    string // of MomentCause
	Question string // of MomentAsked and MomentAnswered: its id
	Digest   string // of MomentAsked: what an answer approves
	Word     string // of MomentEnded: how
}
