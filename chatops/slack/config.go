package slack

import (
	"context"
	"time"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/engine/service"
)

// Posts keeps which message shows what. Its methods may be called at the same
// time, and return when what they store is durable.
type Posts interface {
	SetPost(ctx context.Context, p Post) error
	DropPost(ctx context.Context, p Post) error
	Posts(ctx context.Context, run string) ([]Post, error)
	// Untold returns the runs that began at or after a time, or of which
	// something was told, and that have no post
	// with a key.
	Untold(ctx context.Context, since time.Time, key string) ([]string, error)
}

// Post is one message in Slack.
type Post struct {
	Run   string
	Key   string // what it is, in the run
	Place string // channel, or account of a person who is told alone
	Ref   string // channel/ts; empty: it may have been sent
	Shown string // digest of what it shows
	Ping  string // what people were called about last
	At    time.Time
}

// Inbox keeps what people do. Its methods may be called at the same time, and
// return when what they store is durable.
type Inbox interface {
	// Hear stores a delivery; fresh reports that it came for the first time.
	Hear(ctx context.Context, h Heard) (fresh bool, err error)
	// Unheeded returns what nothing was done about, in the order in which it
	// came.
	Unheeded(ctx context.Context) ([]Heard, error)
	// Heed stores that something was done about it.
	Heed(ctx context.Context, key string) error
}

// Heard is one delivery.
type Heard struct {
	N    int64
	Key  string // what repeated deliveries have in common
	At   time.Time
	Data []byte
}

// Unasked is an open question that reaches nobody in Slack.
type Unasked struct {
	Run, Question string // their ids
	Role          string // that is asked first
	Why           error
}

// Config is what a [Bot] needs. Every field is required unless it says
// otherwise.
type Config struct {
	Slack     *service.Slack
	Secret    func(reference string) (string, error)
	Desk      *chatops.Desk
	Directory chatops.Directory
	Posts     Posts
	Inbox     Inbox
	Unasked   func(u Unasked)  // hears of every question that reaches nobody, also again; nil: nobody does
	Warn      func(err error)  // hears what nobody else does; it does not block
	Now       func() time.Time // nil: time.Now
	Pace      time.Duration    // between messages to one place, after a burst; 0: what Slack takes
}
