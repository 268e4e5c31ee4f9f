package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// sockets is how many there are at once: Slack closes each now and then, and
// the other one hears what comes meanwhile.
const sockets = 2

// readLimit is how large a message from Slack may be.
const readLimit = 1 << 20

// socket keeps the n-th socket open until ctx ends.
func (b *Bot) socket(ctx context.Context, n int) {
	for wait := time.Second; ; wait = min(2*wait, retryMost) {
		c := socketmode.New(b.api, socketmode.OptionReadLimit(readLimit), socketmode.OptionLog(log.New(io.Discard, "", 0)))
		done := make(chan error, 1)
		life, end := context.WithCancel(ctx)
		go func() { done <- c.RunContext(life) }()
		err := b.listen(life, c, n, done)
		end()
		if ctx.Err() != nil {
			return
		}
		b.unconnected(ctx, n, err)
		if !sleep(ctx, wait) {
			return
		}
	}
}

// listen takes what comes over a socket, until it has ended for good.
func (b *Bot) listen(ctx context.Context, c *socketmode.Client, n int, done <-chan error) error {
	for {
		select {
		case e := <-c.Events:
			b.socketEvent(ctx, c, n, e)
		case err := <-done:
			return err
		}
	}
}

func (b *Bot) socketEvent(ctx context.Context, c *socketmode.Client, n int, e socketmode.Event) {
	switch e.Type {
	case socketmode.EventTypeConnected, socketmode.EventTypeHello:
		b.health.socket(n, true, nil)
	case socketmode.EventTypeConnecting:
		b.health.socket(n, false, nil)
	case socketmode.EventTypeConnectionError:
		if failed, ok := e.Data.(*slack.ConnectionErrorEvent); ok {
			b.unconnected(ctx, n, failed.ErrorObj)
		}
	case socketmode.EventTypeEventsAPI, socketmode.EventTypeInteractive, socketmode.EventTypeSlashCommand:
		if e.Request != nil {
			go b.envelope(ctx, c, *e.Request) // in its own time: what is slow to store holds up nothing else
		}
	case socketmode.EventTypeErrorBadMessage:
		if bad, ok := e.Data.(*socketmode.ErrorBadMessage); ok {
			b.badMessage(ctx, c, bad)
		}
	default:
	}
}

// unconnected notes why a socket is not connected. When that is how Slack wants it
// nobody can answer there, and whoever is asked is reached another way.
func (b *Bot) unconnected(ctx context.Context, n int, err error) {
	before := b.health.deaf()
	b.health.socket(n, false, err)
	if why := b.health.deaf(); why != nil && before == nil {
		b.cfg.Warn(fmt.Errorf("slack: no socket opens (%w): nobody can answer in Slack; firebreak slack doctor says what is wrong", why))
		b.unreached(ctx)
	}
}

// envelope stores what came and acknowledges it. What cannot be stored is not
// acknowledged: Slack sends it again.
func (b *Bot) envelope(ctx context.Context, c *socketmode.Client, req socketmode.Request) {
	ctx, cancel := context.WithTimeout(ctx, heardFor)
	defer cancel()
	d, err := b.opened(req.Type, req.Payload)
	var answer any
	if d != nil {
		d.Transport, d.Envelope = "socket", or(d.Envelope, req.EnvelopeID)
		answer, err = response(b.hear(ctx, d))
		if err != nil {
			b.cfg.Warn(fmt.Errorf("slack: %w", err))
			return
		}
	}
	if err != nil {
		b.cfg.Warn(fmt.Errorf("slack: %w", err)) // it would not be understood the next time, either
	}
	if err := c.AckCtx(ctx, req.EnvelopeID, answer); err != nil && ctx.Err() == nil {
		b.cfg.Warn(fmt.Errorf("slack: acknowledge %s: %w", req.EnvelopeID, err))
	}
}

// response is an answer without a type when there is none.
func response(v *slack.ViewSubmissionResponse, err error) (any, error) {
	if v == nil {
		return nil, err
	}
	return v, err
}

// opened reads what is in an envelope; nil: it needs no answer.
func (b *Bot) opened(kind string, payload json.RawMessage) (*delivery, error) {
	switch kind {
	case socketmode.RequestTypeInteractive:
		return interaction(payload)
	case socketmode.RequestTypeSlashCommands:
		return slashJSON(payload)
	default:
		_, _, self := b.we()
		d, _, err := event(payload, self)
		return d, err
	}
}

// badMessage acknowledges what the library cannot read, where it has a number:
// Slack would send it for ever.
func (b *Bot) badMessage(ctx context.Context, c *socketmode.Client, bad *socketmode.ErrorBadMessage) {
	var req socketmode.Request
	if json.Unmarshal(bad.Message, &req) == nil && req.EnvelopeID != "" {
		go b.envelope(ctx, c, req)
		return
	}
	b.cfg.Warn(fmt.Errorf("slack: a message could not be read: %w", bad.Cause))
}
