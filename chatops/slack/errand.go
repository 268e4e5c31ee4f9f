package slack

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// retryMost is the longest time between two tries.
const retryMost = 30 * time.Second

// serve sends what waits for a place, until ctx ends.
func (b *Bot) serve(ctx context.Context, l *lane) {
	for {
		w := l.next(ctx)
		if w == nil {
			return
		}
		err := b.deliver(ctx, w.errand)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			b.Changed(w.run) // more may have come meanwhile; and it may be done
			continue
		}
		b.failed(ctx, l, w, err)
	}
}

// failed decides what becomes of an errand that did not succeed.
func (b *Bot) failed(ctx context.Context, l *lane, w *waiting, err error) {
	kind, after := faultOf(err)
	switch kind {
	case faultPlace:
		if b.health.lose(l.place, err) {
			b.cfg.Warn(fmt.Errorf("slack: %s cannot be reached (%w): what it was to show goes elsewhere; invite the app, or correct chat.slack in firebreak.yaml", l.place, err))
			b.unreached(ctx)
		}
		b.Changed(w.run)
		return
	case faultToken:
		if b.health.die(err) {
			b.cfg.Warn(fmt.Errorf("slack: nothing can be sent (%w): install the app again, or correct its tokens; firebreak slack doctor says what is wrong", err))
			b.unreached(ctx)
		}
		l.pause(retryMost)
		l.again(w, retryMost)
		return
	case faultLater:
		if after > 0 {
			b.health.count(&b.health.limited)
			l.limit(w, after)
		} else {
			b.health.count(&b.health.failed)
			after = min(retryMost, (500*time.Millisecond)<<min(w.tries, 6))
		}
	default:
		b.health.count(&b.health.failed)
		b.cfg.Warn(fmt.Errorf("slack: run %s, %s: %w", w.run, w.key, err))
		after = retryMost
	}
	l.again(w, after)
}

// deliver makes a message what it is to be.
func (b *Bot) deliver(ctx context.Context, e errand) error {
	p, err := b.page(ctx, e.run)
	if err != nil {
		return nil //nolint:nilerr // it cannot be read, and whoever drives it says so
	}
	if !slices.ContainsFunc(b.wanted(p), func(w wish) bool { return w.errand == e }) {
		return nil
	}
	if e.key == keyTold {
		return b.tell(ctx, p, e.place)
	}
	return b.put(ctx, p, e.key, e.place)
}
