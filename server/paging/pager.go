package paging

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firebreak-ops/firebreak/engine/service"
)

const (
	// lookEvery is how often it is looked whether a trouble is over.
	lookEvery = 2 * time.Second
	// callsAtOnce is how many events are sent side by side.
	callsAtOnce = 8
	// lastCall bounds how long a pager that ends still tries to wake somebody.
	lastCall = 5 * time.Second
)

// Config is what a Pager needs. Every field is required unless it says
// otherwise.
type Config struct {
	Outbox Outbox
	Paging *service.Paging
	Secret func(reference string) (string, error)          // reads a secret; it is asked for every event
	Over   func(ctx context.Context, p Page) (bool, error) // whether the trouble of a page is over
	Host   string                                          // of this firebreak, as people know it
	Warn   func(err error)                                 // hears what nobody else does
	Client *http.Client                                    // nil: one that waits for ten seconds
	Now    func() time.Time                                // nil: time.Now
}

// Pager wakes people while Run runs.
type Pager struct {
	cfg  Config
	more chan struct{} // something was put
}

// New returns a pager.
func New(cfg Config) *Pager {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Client == nil {
		cfg.Client = newClient()
	}
	return &Pager{cfg: cfg, more: make(chan struct{}, 1)}
}

// newClient is how PagerDuty is called.
func newClient() *http.Client {
	return &http.Client{Timeout: callTimeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // the key is for one address alone
	}}
}

// Raise stores a page and returns when it is durable: it will be sent, by this
// pager or by the next one.
func (p *Pager) Raise(ctx context.Context, page Page) error {
	page.OpenedAt = p.now()
	if err := p.cfg.Outbox.Put(ctx, page); err != nil {
		return fmt.Errorf("page %s: %w", page.Role, err)
	}
	select {
	case p.more <- struct{}{}:
	default: // it will look anyway
	}
	return nil
}

// Try wakes somebody, and takes it back, past the outbox. It returns when both
// were taken.
func (p *Pager) Try(ctx context.Context, role string) error {
	page := Page{Key: "test " + rand.Text(), Role: role, Text: "a test of firebreak: nothing is wrong", OpenedAt: p.now()}
	if err := p.send(ctx, &page); err != nil {
		return err
	}
	page.OverAt = p.now()
	return p.send(ctx, &page)
}

// Run sends what is in the outbox until ctx ends; then what nobody has been
// woken for yet is tried once more.
func (p *Pager) Run(ctx context.Context) {
	for {
		next := p.pass(ctx, true)
		timer := time.NewTimer(next)
		select {
		case <-p.more:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastCall)
			defer cancel()
			p.pass(ctx, false)
			return
		}
		timer.Stop()
	}
}

// pass looks at every page once and sends what is due. It returns when to look
// again. look: also at whether troubles are over; else only those are sent that
// were never tried.
func (p *Pager) pass(ctx context.Context, look bool) time.Duration {
	live, err := p.cfg.Outbox.Live(ctx)
	if err != nil {
		p.warn(ctx, err)
		return lookEvery
	}
	group := errgroup.Group{}
	group.SetLimit(callsAtOnce)
	for _, page := range live {
		if !look && (page.Tries > 0 || !page.SentAt.IsZero()) {
			continue
		}
		group.Go(func() error {
			p.step(ctx, page, look)
			return nil
		})
	}
	_ = group.Wait() // they say themselves what went wrong
	return p.next(ctx)
}

// next is how long nothing is due.
func (p *Pager) next(ctx context.Context) time.Duration {
	live, err := p.cfg.Outbox.Live(ctx)
	next := lookEvery
	for _, page := range live {
		if due(page) {
			next = min(next, max(page.NextAt.Sub(p.now()), 0))
		}
	}
	if err != nil {
		return lookEvery
	}
	return next
}

// due reports whether something of a page is to be sent.
func due(page Page) bool { return page.SentAt.IsZero() || !page.OverAt.IsZero() }

// step takes a page as far as it goes now.
func (p *Pager) step(ctx context.Context, page Page, look bool) {
	before := page
	if page.OverAt.IsZero() && look {
		over, err := p.cfg.Over(ctx, page)
		if err != nil {
			p.warn(ctx, fmt.Errorf("it is not known whether the trouble of a page is over: %w", err))
		}
		if over {
			page.OverAt, page.Tries, page.NextAt = p.now(), 0, time.Time{}
		}
	}
	switch {
	case !page.OverAt.IsZero() && page.SentAt.IsZero() && before.Tries == 0: // nobody has been woken
		page.ClosedAt = page.OverAt
	case due(page) && !p.now().Before(page.NextAt):
		p.call(ctx, &page)
	}
	if page == before {
		return
	}
	if err := p.cfg.Outbox.Settle(context.WithoutCancel(ctx), page); err != nil {
		p.warn(ctx, err)
	}
}

// call sends what is due of a page and notes what came of it.
func (p *Pager) call(ctx context.Context, page *Page) {
	err := p.send(ctx, page)
	switch {
	case err == nil && page.OverAt.IsZero():
		page.SentAt, page.Tries, page.Error = p.now(), 0, ""
	case err == nil:
		page.ClosedAt, page.Error = p.now(), ""
	default:
		page.Tries++
		page.Error, page.NextAt = err.Error(), p.now().Add(pause(page.Tries, err))
		if page.Tries == 1 {
			p.warn(ctx, fmt.Errorf("a page could not be sent, and is tried again: %w", err))
		}
	}
}

func (p *Pager) warn(ctx context.Context, err error) {
	if ctx.Err() == nil {
		p.cfg.Warn(err)
	}
}

func (p *Pager) now() time.Time { return p.cfg.Now().UTC() }
