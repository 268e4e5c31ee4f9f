package slack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// consider looks at what a run is to look like, and puts what differs into the
// lanes. It notes a run of which everything was told.
func (b *Bot) consider(ctx context.Context, run string) error {
	p, err := b.page(ctx, run)
	if err != nil {
		return err
	}
	if _, done := p.post(keyDone, ""); done {
		return nil
	}
	wanted := b.wanted(p)
	for _, w := range wanted {
		b.lane(placeOf(w.place)).put(w)
	}
	if _, ended := p.story.End(); ended && len(wanted) == 0 {
		return b.cfg.Posts.SetPost(ctx, Post{Run: run, Key: keyDone, At: p.now})
	}
	b.homes.asked(run, b.asked(p))
	b.unasked(p)
	b.wakeAt(run, p)
	return nil
}

// asked are the accounts of those who can answer something now.
func (b *Bot) asked(p *page) (accounts []string) {
	for _, a := range p.story.Asks() {
		for _, name := range p.story.Can(a) {
			if id := b.account(name); id != "" && !slices.Contains(accounts, id) {
				accounts = append(accounts, id)
			}
		}
	}
	return accounts
}

var errNobody = errors.New("no channel takes messages, and nobody who may answer has an account that does")

// unasked says so when questions are open that reach nobody, or that nobody who
// is reached can answer.
func (b *Bot) unasked(p *page) {
	why := b.health.dead()
	if why == nil {
		why = b.health.deaf()
	}
	if places, _ := b.places(p); why == nil && len(places) == 0 {
		why = errNobody
	}
	if why == nil || b.cfg.Unasked == nil {
		return
	}
	for _, a := range p.story.Asks() {
		u := Unasked{Run: p.story.Run.Facts.ID, Question: a.Question.ID, Why: why}
		if len(a.Roles) > 0 {
			u.Role = a.Roles[0]
		}
		b.cfg.Unasked(u)
	}
}

// wakeAt considers a run again when one of its cards changes by itself.
func (b *Bot) wakeAt(run string, p *page) {
	var next time.Time
	for _, a := range p.story.Asks() {
		if at := p.story.Ask(a, p.now).Wake; !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.alarms[run]; t != nil {
		t.Stop()
		delete(b.alarms, run)
	}
	if !next.IsZero() && !b.closed {
		b.alarms[run] = time.AfterFunc(max(next.Sub(b.cfg.Now()), time.Millisecond), func() { b.Changed(run) })
	}
}

// unreached considers all runs again whose people must be reached another way than
// before: what they ask is not tried by itself.
func (b *Bot) unreached(ctx context.Context) {
	runs, err := b.untold(ctx)
	if err != nil {
		b.cfg.Warn(fmt.Errorf("slack: whom the runs that are open ask is not said elsewhere: %w", err))
	}
	for _, run := range runs {
		b.Changed(run)
	}
}
