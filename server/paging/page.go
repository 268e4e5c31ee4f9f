package paging

import (
	"context"
	"time"
)

// Page is that somebody is to be woken, and later told that it is over.
type Page struct {
	N        int64  // given by the outbox
	Key      string // one trouble has one key
	Run      string // that it is about; empty: none
	Alert    int64  // number of the alert that it is about; 0: none
	Role     string // who is woken
	Text     string
	Link     string // where people look; empty: nowhere
	OpenedAt time.Time
	OverAt   time.Time // zero: the trouble goes on
	SentAt   time.Time // zero: nobody has been woken
	ClosedAt time.Time // zero: it goes on, or is still to be taken back
	Tries    int       // since the last that was taken
	NextAt   time.Time // not before
	Error    string    // of the last try
}

// Outbox keeps pages. Its methods may be called at the same time.
type Outbox interface {
	// Put stores a page and returns when it is durable. One of the same key
	// whose trouble goes on stays as it is.
	Put(ctx context.Context, p Page) error
	// Live returns the pages that are not closed, the oldest first.
	Live(ctx context.Context) ([]Page, error)
	// Settle stores how far a page has come, durably.
	Settle(ctx context.Context, p Page) error
}
